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
constexpr std::size_t kMostHead = 16 * 1024;

struct Visitor {
  host::UniqueFd fd;
  std::string head;
};

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

enum class Read : std::uint8_t { More, Whole, Gone };
Read read_more(Visitor& visitor) {
  std::array<char, 4096> piece{};
  const ssize_t n = ::recv(visitor.fd.get(), piece.data(), piece.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return Read::More;
  if (n <= 0) return Read::Gone;
  visitor.head.append(piece.data(), static_cast<std::size_t>(n));
  if (visitor.head.find("\r\n\r\n") != std::string::npos) return Read::Whole;
  return visitor.head.size() > kMostHead ? Read::Gone : Read::More;
}

}  // namespace

std::optional<std::string> request_target(std::string_view head) {
  constexpr std::string_view kGet = "GET ";
  if (head.find("\r\n\r\n") == std::string_view::npos || !head.starts_with(kGet))
    return std::nullopt;
  head = head.substr(kGet.size(), head.find("\r\n") - kGet.size());
  const std::size_t space = head.find(' ');
  if (space == 0 || space == std::string_view::npos ||
      !head.substr(space + 1).starts_with("HTTP/1."))
    return std::nullopt;
  return std::string(head.substr(0, space));
}

BrowserCallback::BrowserCallback()
    : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (!listener_ || ::bind(listener_.get(), generic, size) != 0 ||
      ::listen(listener_.get(), SOMAXCONN) != 0 ||
      ::getsockname(listener_.get(), generic, &size) != 0)
    throw std::system_error(errno, std::generic_category(), "a port on 127.0.0.1");
  port_ = ntohs(address.sin_port);
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
      const Read read = polled[i].revents == 0 ? Read::More : read_more(*at);
      if (read == Read::More) {
        ++at;
        continue;
      }
      if (read == Read::Whole) {
        const auto target = request_target(at->head);
        const auto shown = target ? take(*target) : std::nullopt;
        respond(at->fd.get(), shown ? "200 OK" : "404 Not Found",
                shown.value_or("This is no part of a sign-in."));
        if (shown) return true;
      }
      at = visitors.erase(at);
    }
    if (polled[0].revents == 0) continue;
    host::UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) continue;
    if (visitors.size() >= kMostConnections) visitors.pop_front();
    visitors.push_back({std::move(fd), ""});
  }
}

}  // namespace veilwire::ctl
