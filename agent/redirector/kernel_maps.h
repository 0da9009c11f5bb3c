// The pinned maps as values. Opened from the pin directory alone, so that status and detach need
// neither the redirector's process nor its object file. Every failing write throws
// std::system_error with the map's name, but for those whose result says more. Tested by
// tests/bpf/.
#pragma once

#include "agent/host/unique_fd.h"
#include "agent/redirector/net_address.h"
#include "bpf/abi.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace veilwire::redirector {

class KernelMaps {
 public:
  // directory is the versioned one's "maps". Throws std::system_error if a map is missing.
  explicit KernelMaps(const std::string& directory);

  vw_settings settings() const;
  void set_settings(const vw_settings& settings);

  // In the order of enum vw_reason, summed over all cpus.
  std::vector<std::pair<std::string_view, std::uint64_t>> counters() const;
  std::uint64_t counter(vw_reason reason) const;

  std::vector<std::pair<std::uint32_t, vw_label>> labels() const;
  std::optional<vw_label> label(std::uint32_t tgid) const;
  // false: there is one already (the kernel was faster), or the map is full.
  bool insert_label(std::uint32_t tgid, const vw_label& label);

  void add_executable(const vw_exe& exe);
  std::vector<vw_exe> executables() const;
  void set_needles(const std::vector<vw_needle>& needles);

  void set_ports(const std::map<std::uint16_t, std::uint32_t>& ports);
  std::vector<std::uint16_t> ports() const;  // in order

  // false: full.
  bool add_target(const Prefix& prefix);
  void remove_target(const Prefix& prefix);
  std::vector<Prefix> targets() const;
  void set_endpoints(const std::vector<Endpoint>& endpoints);
  std::vector<Endpoint> endpoints() const;

  std::optional<vw_listener> listener(std::uint64_t netns_cookie) const;
  void set_listener(std::uint64_t netns_cookie, const vw_listener& listener);
  std::vector<std::pair<std::uint64_t, vw_listener>> listeners() const;
  // Marks a listening socket, which must be open in this process, as the proxy's own.
  void mark_listener(int listening_socket);

  std::uint64_t heartbeat() const;
  int heartbeat_fd() const { return heartbeat_.get(); }
  int events_fd() const { return events_.get(); }
  int origins_fd() const { return origins_.get(); }
  int marks_fd() const { return marks_.get(); }
  // Connections between their SYN and their accept.
  std::size_t handoffs() const;

 private:
  host::UniqueFd settings_, heartbeat_, counters_, labels_, executables_, needles_, events_, ports_,
      targets4_, targets6_, endpoints_, listeners_, marks_, origins_, handoff_;
};

}  // namespace veilwire::redirector
