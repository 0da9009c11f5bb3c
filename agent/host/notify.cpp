#include "agent/host/notify.h"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace veilwire::host {
namespace {

constexpr int kFirstInherited = 3;  // SD_LISTEN_FDS_START

void send_state(std::string_view state, const std::vector<int>& descriptors) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (path[0] != '/' && path[0] != '@')) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t length = std::strlen(path);
  if (length >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = '\0';
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return;
  iovec vector{};
  vector.iov_base = const_cast<char*>(state.data());  // sendmsg does not write to it
  vector.iov_len = state.size();
  msghdr header{};
  header.msg_name = &address;
  header.msg_namelen = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(64 * sizeof(int))> control{};
  if (!descriptors.empty() && descriptors.size() <= 64) {
    const std::size_t size = descriptors.size() * sizeof(int);
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(size);
    cmsghdr* c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(c), descriptors.data(), size);
  }
  // A manager that is gone cannot be told; there is nothing better to do than to go on.
  [[maybe_unused]] const ssize_t sent = ::sendmsg(fd.get(), &header, MSG_NOSIGNAL);
}

template <class T>
bool read_number(const char* name, T& value) {
  const char* text = std::getenv(name);
  if (text == nullptr) return false;
  const char* end = text + std::strlen(text);
  const auto [p, error] = std::from_chars(text, end, value);
  return error == std::errc{} && p == end;
}

}  // namespace

void notify(std::string_view state) { send_state(state, {}); }

void store_descriptors(std::string_view name, const std::vector<int>& descriptors) {
  send_state("FDSTORE=1\nFDNAME=" + std::string(name), descriptors);
}

std::vector<Inherited> take_inherited() {
  std::vector<Inherited> result;
  pid_t pid = 0;
  int count = 0;
  if (read_number("LISTEN_PID", pid) && pid == ::getpid() && read_number("LISTEN_FDS", count) &&
      count > 0 && count < 1024) {
    const char* all = std::getenv("LISTEN_FDNAMES");
    std::string_view names = all == nullptr ? "" : all;
    for (int i = 0; i < count; ++i) {
      const std::size_t colon = names.find(':');
      std::string name(names.substr(0, colon));
      names = colon == std::string_view::npos ? "" : names.substr(colon + 1);
      const int fd = kFirstInherited + i;
      ::fcntl(fd, F_SETFD, FD_CLOEXEC);
      result.push_back({std::move(name), UniqueFd(fd)});
    }
  }
  ::unsetenv("LISTEN_PID");
  ::unsetenv("LISTEN_FDS");
  ::unsetenv("LISTEN_FDNAMES");
  return result;
}

}  // namespace veilwire::host
