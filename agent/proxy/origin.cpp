#include "agent/proxy/origin.h"

#include "bpf/abi.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <sys/socket.h>

namespace veilwire::proxy {
namespace {

std::string address_text(const std::uint8_t (&address)[16]) {
  static constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool v4 = std::equal(kMapped.begin(), kMapped.end(), address);
  if (v4)
    ::inet_ntop(AF_INET, address + kMapped.size(), text.data(), text.size());
  else
    ::inet_ntop(AF_INET6, address, text.data(), text.size());
  return text.data();
}

}  // namespace

Result<Origin, int> read_origin(int accepted) {
  vw_origin raw{};
  socklen_t size = sizeof raw;
  if (::getsockopt(accepted, VW_SOL_VEILWIRE, VW_SO_ORIGIN, &raw, &size) != 0)
    return Unexpected{errno};
  if (size != sizeof raw || raw.version != VW_ORIGIN_VERSION) return Unexpected{EPROTO};
  Origin origin;
  origin.destination = {address_text(raw.destination), raw.destination_port};
  origin.bound_ifindex = raw.bound_ifindex;
  origin.peer = {.uid = raw.uid,
                 .gid = raw.gid,
                 .loginuid = raw.loginuid,
                 .audit_session = raw.audit_session,
                 .tgid = raw.own_tgid,
                 .start_boottime_ns = raw.start_boottime_ns,
                 .cgroup_id = raw.cgroup_id,
                 .netns_cookie = raw.netns_cookie,
                 .exe_device = raw.exe.device,
                 .exe_inode = raw.exe.inode,
                 .exe_generation = raw.exe.generation,
                 .comm = std::string(raw.comm, ::strnlen(raw.comm, sizeof raw.comm)),
                 .kernel_tgid = raw.tgid == raw.own_tgid ? 0 : raw.tgid};
  return origin;
}

}  // namespace veilwire::proxy
