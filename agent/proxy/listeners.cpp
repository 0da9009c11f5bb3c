#include "agent/proxy/listeners.h"

#include "agent/host/log.h"
#include "agent/host/notify.h"

#include <cerrno>
#include <string>
#include <system_error>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace veilwire::proxy {
namespace {

constexpr const char* kName4 = "veilwire4";
constexpr const char* kName6 = "veilwire6";
// Connections that wait while the proxy is restarted. net.core.somaxconn caps it.
constexpr int kBacklog = 4096;

host::UniqueFd listen_on(int family, const sockaddr* address, socklen_t size) {
  host::UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fd;
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(fd.get(), address, size) != 0 || ::listen(fd.get(), kBacklog) != 0) fd.reset();
  return fd;
}

Listener make4(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  host::UniqueFd fd =
      listen_on(AF_INET, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (!fd) throw std::system_error(errno, std::generic_category(), "listen on 127.0.0.1");
  return {std::move(fd), false};
}

Listener make6(std::uint16_t port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  address.sin6_addr = in6addr_loopback;
  host::UniqueFd fd =
      listen_on(AF_INET6, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  return {std::move(fd), true};
}

}  // namespace

std::vector<Listener> open_listeners(std::uint16_t port) {
  std::vector<Listener> result;
  bool have4 = false, have6 = false;
  for (host::Inherited& inherited : host::take_inherited()) {
    if (inherited.name != kName4 && inherited.name != kName6) continue;
    const bool v6 = inherited.name == kName6;
    (v6 ? have6 : have4) = true;
    ::fcntl(inherited.fd.get(), F_SETFL, O_NONBLOCK);
    result.push_back({std::move(inherited.fd), v6});
  }
  if (!have4) {
    result.push_back(make4(port));
    host::store_descriptors(kName4, {result.back().fd.get()});
  }
  if (!have6) {
    if (Listener six = make6(port); six.fd) {
      host::store_descriptors(kName6, {six.fd.get()});
      result.push_back(std::move(six));
    } else {
      host::log::warning("no listener on ::1; IPv6 connects are taken on 127.0.0.1");
    }
  }
  return result;
}

}  // namespace veilwire::proxy
