#include "agent/host/local_socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace veilwire::host {
namespace {

Result<sockaddr_un, int> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return Unexpected{ENAMETOOLONG};
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

const sockaddr* as_sockaddr(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

}  // namespace

UniqueFd listen_local(const std::string& path, mode_t mode) {
  const auto address = address_of(path);
  if (!address) fail(address.error(), "socket path " + path);
  // A file with a living listener belongs to another instance: taking it over would split the
  // clients.
  if (const auto other = connect_local(path, false); other || other.error() == EAGAIN)
    fail(EADDRINUSE, "another process listens on " + path);
  struct stat before {};
  if (::lstat(path.c_str(), &before) == 0) {
    if (!S_ISSOCK(before.st_mode)) fail(EEXIST, path + " exists and is no socket");
    if (::unlink(path.c_str()) != 0) fail(errno, "remove the stale socket " + path);
  }
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) fail(errno, "socket for " + path);
  // The file appears with the right mode: nobody can connect between bind and chmod.
  const mode_t old = ::umask(0777 & ~mode);
  const int bound = ::bind(fd.get(), as_sockaddr(*address), sizeof *address);
  const int error = errno;
  ::umask(old);
  if (bound != 0) fail(error, "bind " + path);
  if (::listen(fd.get(), SOMAXCONN) != 0) fail(errno, "listen on " + path);
  return fd;
}

Result<Accepted, int> accept_local(int listener) {
  UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd) return Unexpected{errno};
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    return Unexpected{errno};
  return Accepted{std::move(fd), {credentials.uid, credentials.gid, credentials.pid}};
}

Result<UniqueFd, int> connect_local(const std::string& path, bool blocking) {
  const auto address = address_of(path);
  if (!address) return Unexpected{address.error()};
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK), 0));
  if (!fd) return Unexpected{errno};
  if (::connect(fd.get(), as_sockaddr(*address), sizeof *address) != 0) return Unexpected{errno};
  return fd;
}

Result<void, int> send_message(int fd, std::string_view bytes, std::span<const int> descriptors) {
  if (bytes.size() > kLocalMessage || descriptors.size() > kLocalDescriptors)
    return Unexpected{EMSGSIZE};
  iovec vector{};
  vector.iov_base = const_cast<char*>(bytes.data());  // sendmsg does not write to it
  vector.iov_len = bytes.size();
  msghdr header{};
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kLocalDescriptors * sizeof(int))> control{};
  if (!descriptors.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(c), descriptors.data(), descriptors.size_bytes());
  }
  ssize_t n = 0;
  do n = ::sendmsg(fd, &header, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  if (n < 0) return Unexpected{errno};
  return {};
}

Result<Message, int> receive_message(int fd) {
  // The kernel tells a waiting message's length first: most are a hundredth of the largest.
  ssize_t n = 0;
  do n = ::recv(fd, nullptr, 0, MSG_PEEK | MSG_TRUNC);
  while (n < 0 && errno == EINTR);
  if (n < 0) return Unexpected{errno};
  Message message;
  message.bytes.resize(std::min(static_cast<std::size_t>(n), kLocalMessage));
  iovec vector{message.bytes.data(), message.bytes.size()};
  msghdr header{};
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kLocalDescriptors * sizeof(int))> control{};
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  do n = ::recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  if (n < 0) return Unexpected{errno};
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int received = -1;
      std::memcpy(&received, CMSG_DATA(c) + i * sizeof(int), sizeof received);
      message.descriptors.emplace_back(received);
    }
  }
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return Unexpected{EMSGSIZE};
  message.bytes.resize(static_cast<std::size_t>(n));
  return message;
}

bool wait_readable(int fd, int timeout_ms) {
  pollfd p{fd, POLLIN, 0};
  int n = 0;
  do n = ::poll(&p, 1, timeout_ms);
  while (n < 0 && errno == EINTR);
  return n > 0;
}

}  // namespace veilwire::host
