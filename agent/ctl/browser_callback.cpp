#include "agent/ctl/browser_callback.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <list>
#include <system_error>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

namespace veilwire::ctl {
namespace {

using Clock = std::chrono::steady_clock;

// Browsers open connections ahead and leave them silent; the oldest makes room for the next.
constexpr std::size_t kMostConnections = 16;

struct Visitor {
  host::UniqueFd fd;
  std::string bytes;
  BrowserRequest request = {};
};

// An invalid descriptor: errno says why.
host::UniqueFd listen_on(const host::LoopbackAddress& address) {
  host::UniqueFd fd(
      ::socket(address.v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  v4.sin_port = htons(address.port);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_addr = in6addr_loopback;
  v6.sin6_port = htons(address.port);
  const auto* const generic =
      address.v6 ? reinterpret_cast<sockaddr*>(&v6) : reinterpret_cast<sockaddr*>(&v4);
  const socklen_t size = address.v6 ? sizeof v6 : sizeof v4;
  // Connections of the last sign-in hold the port for a minute. Another listener does so still.
  const int reuse = 1;
  if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse) != 0 ||
      ::bind(fd.get(), generic, size) != 0 || ::listen(fd.get(), SOMAXCONN) != 0) {
    const int error = errno;
    fd.reset();
    errno = error;
  }
  return fd;
}

// Whole, to a socket with room for it: pages are short.
void respond(int fd, std::string_view status, std::string_view text) {
  std::string page = "<!doctype html><meta charset=\"utf-8\"><title>veilwire</title><p>";
  for (const char c : text) page += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
  page += "</p>\n";
  const std::string answer =
      "HTTP/1.1 " + std::string(status) +
      "\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: " +
      std::to_string(page.size()) +
      "\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n" +
      page;
  static_cast<void>(!::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL));
  ::shutdown(fd, SHUT_WR);
}

// Refused: also where the other end has gone.
BrowserRead read_more(Visitor& visitor, std::size_t most_form) {
  std::array<char, 16 * 1024> piece{};
  const ssize_t n = ::recv(visitor.fd.get(), piece.data(), piece.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return BrowserRead::More;
  if (n <= 0) return BrowserRead::Refused;
  visitor.bytes.append(piece.data(), static_cast<std::size_t>(n));
  return read_browser_request(visitor.bytes, most_form, visitor.request);
}

}  // namespace

BrowserCallback::BrowserCallback() : listener_(listen_on({.v6 = false, .port = 0, .path = ""})) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (!listener_ ||
      ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::system_error(errno, std::generic_category(), "a port on 127.0.0.1");
  port_ = ntohs(address.sin_port);
}

std::optional<BrowserCallback> BrowserCallback::at(const host::LoopbackAddress& address,
                                                   std::size_t most_form) {
  host::UniqueFd listener = listen_on(address);
  if (!listener && errno == EADDRINUSE) return std::nullopt;
  if (!listener) throw std::system_error(errno, std::generic_category(), "the callback's address");
  BrowserCallback callback(std::move(listener), most_form);
  callback.port_ = address.port;
  return callback;
}

bool BrowserCallback::serve(const Take& take, int watched, std::chrono::seconds patience) const {
  std::list<Visitor> visitors;
  const Clock::time_point end = Clock::now() + patience;
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) return false;
    std::vector<pollfd> polled{{listener_.get(), POLLIN, 0}, {watched, POLLIN, 0}};
    for (const Visitor& visitor : visitors) polled.push_back({visitor.fd.get(), POLLIN, 0});
    if (::poll(polled.data(), polled.size(), static_cast<int>(left.count())) < 0) {
      if (errno == EINTR) continue;
      throw std::system_error(errno, std::generic_category(), "poll");
    }
    if (polled[1].revents != 0) return false;
    std::size_t i = 2;
    for (auto at = visitors.begin(); at != visitors.end(); ++i) {
      const BrowserRead read =
          polled[i].revents == 0 ? BrowserRead::More : read_more(*at, most_form_);
      if (read == BrowserRead::More) {
        ++at;
        continue;
      }
      const auto shown = read == BrowserRead::Whole ? take(std::move(at->request)) : std::nullopt;
      if (shown) {
        respond(at->fd.get(), "200 OK", *shown);
        return true;
      }
      if (read == BrowserRead::TooLarge)
        respond(at->fd.get(), "413 Content Too Large", "This is too large for a sign-in.");
      else
        respond(at->fd.get(), "404 Not Found", "This is no part of a sign-in.");
      at = visitors.erase(at);
    }
    if (polled[0].revents == 0) continue;
    host::UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) continue;
    if (visitors.size() >= kMostConnections) visitors.pop_front();
    visitors.push_back({std::move(fd), "", {}});
  }
}

}  // namespace veilwire::ctl
