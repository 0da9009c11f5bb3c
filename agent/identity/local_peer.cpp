#include "agent/identity/local_peer.h"

#include "agent/host/unique_fd.h"
#include "userspace/identity/uid_map.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace veilwire::agent_identity {
namespace {

// Linux 6.5; Debian 12's headers do not have it.
constexpr int kPeerPidfd = 77;

struct Pidfd {
  host::UniqueFd fd;
  bool of_connection = false;  // of who connected, for certain
};

Pidfd pidfd_of(int connection, pid_t process) {
  int fd = -1;
  socklen_t size = sizeof fd;
  if (::getsockopt(connection, SOL_SOCKET, kPeerPidfd, &fd, &size) == 0)
    return {host::UniqueFd(fd), true};
  return {host::UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, process, 0))), false};
}

bool has_ended(int pidfd) {
  pollfd polled{pidfd, POLLIN, 0};
  return ::poll(&polled, 1, 0) != 0;
}

std::string read(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::optional<std::uint32_t> read_id(const std::string& path) {
  const std::string text = read(path);
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return id;
}

// Real, effective, saved and of the file system.
bool has_uid(const std::string& status, uid_t uid) {
  std::istringstream in(status);
  for (std::string word; in >> word;) {
    if (word != "Uid:") continue;
    uid_t one = 0;
    for (int i = 0; i < 4 && in >> one; ++i)
      if (one == uid) return true;
    return false;
  }
  return false;
}

// proc_pid_stat(5): the 22nd, in clock ticks; the name, in brackets, may hold anything.
bool started_at(const std::string& stat, std::uint64_t nanoseconds) {
  std::istringstream in(stat.substr(std::min(stat.rfind(')') + 1, stat.size())));
  std::string word;
  for (int field = 3; field < 22; ++field) in >> word;
  std::uint64_t ticks = 0;
  const long per_second = ::sysconf(_SC_CLK_TCK);
  if (!(in >> ticks) || per_second <= 0) return false;
  return nanoseconds / (1'000'000'000U / static_cast<std::uint64_t>(per_second)) == ticks;
}

}  // namespace

Result<LocalPeer, std::string_view> local_peer(int fd, const host::Credentials& credentials,
                                               Cgroups& cgroups) {
  const Pidfd pidfd = pidfd_of(fd, credentials.pid);
  if (!pidfd.fd) return Unexpected<std::string_view>{"the process that asked has ended"};
  const std::string proc = "/proc/" + std::to_string(credentials.pid);
  LocalPeer result;
  result.peer.uid = credentials.uid;
  result.peer.gid = credentials.gid;
  result.peer.tgid = static_cast<std::uint32_t>(credentials.pid);
  const auto loginuid = read_id(proc + "/loginuid"), session = read_id(proc + "/sessionid");
  const auto path = cgroup2_path(read(proc + "/cgroup"));
  const std::string status = read(proc + "/status");
  if (has_ended(pidfd.fd.get()))
    return Unexpected<std::string_view>{"the process that asked has ended"};
  if (status.empty())
    return Unexpected<std::string_view>{
        "veilwire-identity cannot see the process that asked; its unit must not hide processes "
        "(ProtectProc=default)"};
  // Before 6.5 the number may have been given to another before we held on to it; to one of another
  // user it is of no use.
  if (!pidfd.of_connection && !has_uid(status, credentials.uid))
    return Unexpected<std::string_view>{"the process that asked has ended"};
  // A kernel without audit has neither file, and nobody logs in for it.
  result.peer.loginuid = loginuid.value_or(identity::kUnsetAuditId);
  result.peer.audit_session = session.value_or(identity::kUnsetAuditId);
  if (path) result.place = cgroups.place_at(*path);
  if (!result.place.empty()) result.peer.cgroup_id = result.place.front().id;
  return result;
}

std::optional<std::uint32_t> inside_uid(const identity::Peer& peer) {
  const std::string proc = "/proc/" + std::to_string(peer.tgid);
  const auto map = identity::parse_uid_map(read(proc + "/uid_map"));
  if (!map || !started_at(read(proc + "/stat"), peer.start_boottime_ns)) return std::nullopt;
  const auto inside = identity::uid_inside(*map, peer.uid);
  return inside && *inside != peer.uid ? inside : std::nullopt;
}

}  // namespace veilwire::agent_identity
