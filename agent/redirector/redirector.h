// The privileged program without its command line: loads, attaches, labels, answers the proxy, and
// looks every few seconds whether it is all still there. Its death changes nothing that is in
// force. Tested by tests/bpf/.
#pragma once

#include "agent/host/protocol/status.h"
#include "agent/host/unique_fd.h"
#include "agent/redirector/config.h"
#include "agent/redirector/iterators.h"
#include "agent/redirector/kernel_maps.h"
#include "agent/redirector/kernel_programs.h"
#include "agent/redirector/labeller.h"
#include "agent/redirector/service.h"
#include "agent/redirector/targets.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace veilwire::redirector {

class Redirector {
 public:
  // listener: the proxy's way in (host::listen_local). status: nullptr, no status is given. Loads,
  // writes settings, labels what runs, attaches. Throws std::exception; what was attached before
  // stays as it was.
  Redirector(const Settings& settings, host::UniqueFd listener, std::uint32_t proxy_uid,
             std::unique_ptr<host::protocol::StatusSocket> status = nullptr);

  // Until stop is readable.
  void run(int stop);

  KernelMaps& maps() { return maps_; }

 private:
  void attach();
  void write_settings();
  void take_over_proxy();
  bool register_proxy(int pid);
  void attach_proxy(const std::string& cgroup);
  void share_egress();
  void check();
  void note_switched_off();
  void note_losses();
  void mend();
  void tell(const std::string& program, bool restored, std::uint32_t away_ms);
  std::string status() const;
  std::string kernel_numbers() const;

  Settings settings_;
  KernelPrograms programs_;
  KernelMaps maps_;
  Iterators iterators_;
  Labeller labeller_;
  Targets targets_;
  Service service_;
  std::unique_ptr<host::protocol::StatusSocket> status_;
  Cgroup clients_;
  std::optional<Cgroup> proxy_;
  std::set<std::string> lost_;
  bool switched_off_ = false;  // by `detach`: what is gone shall be gone
  std::uint64_t losses_ = 0;   // programs that were found not to be in force
};

}  // namespace veilwire::redirector
