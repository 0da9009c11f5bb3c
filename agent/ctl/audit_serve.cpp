#include "agent/ctl/audit_serve.h"

#include "agent/ctl/audit_text.h"
#include "userspace/audit/parse.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <ostream>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace veilwire::ctl {
namespace {

using Clock = std::chrono::steady_clock;

// A client that says nothing for so long makes room for the next.
constexpr std::chrono::seconds kPatience{10};
constexpr std::size_t kMostHead = std::size_t{64} << 10;

// What a client acts on and can be harmed by least. Not: coding, length and connection of the
// original, cookies, redirections, alternative services.
constexpr std::array<std::string_view, 8> kSafeFields = {
    "content-type", "content-language", "retry-after",    "request-id",
    "x-request-id", "x-should-retry",   "mcp-session-id", "mcp-protocol-version"};
constexpr std::string_view kSafePrefix = "anthropic-";

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

bool is_safe(const std::string& name, std::string_view value) {
  const bool token =
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
  const bool text = std::none_of(value.begin(), value.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  return token && text &&
         (std::find(kSafeFields.begin(), kSafeFields.end(), name) != kSafeFields.end() ||
          name.starts_with(kSafePrefix));
}

bool has_body(int status) { return status != 204 && status != 304; }

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

// A request as far as an answer depends on it.
struct Request {
  bool head_only = false;    // HEAD
  bool chunked = true;       // an answer in chunks is understood
  std::string host;          // without a port
  std::uint64_t length = 0;  // of the body
  bool chunks = false;       // the body comes in chunks
  bool wait = false;         // for 100 Continue
};

Request parse_request(std::string_view head) {
  Request out;
  const std::string_view line = head.substr(0, head.find("\r\n"));
  out.head_only = line.starts_with("HEAD ");
  out.chunked = !line.ends_with("HTTP/1.0");
  while (!head.empty()) {
    head.remove_prefix(std::min(head.size(), std::min(head.find("\r\n"), head.size()) + 2));
    const std::string_view field = head.substr(0, head.find("\r\n"));
    const std::size_t colon = field.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string name = lower(field.substr(0, colon));
    std::string_view value = field.substr(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    if (name == "content-length")
      (void)std::from_chars(value.data(), value.data() + value.size(), out.length);
    out.chunks = out.chunks || (name == "transfer-encoding" && lower(value).ends_with("chunked"));
    out.wait = out.wait || (name == "expect" && lower(value) == "100-continue");
    if (name == "host")
      out.host = lower(value.starts_with('[') ? value.substr(0, value.find(']') + 1)
                                              : value.substr(0, value.find(':')));
  }
  return out;
}

// A page of a browser may ask loopback under a name of its own that leads there, to read what it
// gets (DNS rebinding).
bool is_loopback_name(std::string_view host) {
  return host == "localhost" || host == "[::1]" ||
         (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos);
}

class Connection {
 public:
  Connection(host::UniqueFd fd, int stop) : fd_(std::move(fd)), stop_(stop) {}

  // What the client sends is read to its end first: some take no answer before.
  std::optional<Request> read() {
    std::size_t end = std::string::npos;
    while ((end = bytes_.find("\r\n\r\n")) == std::string::npos) {
      if (bytes_.size() > kMostHead || !receive()) return std::nullopt;
    }
    const Request request = parse_request(std::string_view(bytes_).substr(0, end + 2));
    bytes_.erase(0, end + 4);
    const auto whole = [&] {
      return request.chunks ? bytes_.ends_with("0\r\n\r\n") : read_ >= request.length;
    };
    read_ = bytes_.size();
    if (request.wait && !whole() && !send("HTTP/1.1 100 Continue\r\n\r\n")) return std::nullopt;
    while (!whole()) {
      if (bytes_.size() > kMostHead) bytes_.erase(0, bytes_.size() - 5);
      if (!receive()) return std::nullopt;
    }
    return request;
  }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(n));
      } else if (errno != EINTR && (errno != EAGAIN || !ready(POLLOUT, kPatience))) {
        return false;
      }
    }
    return true;
  }

  // false: the client has gone, or it shall end.
  bool pause(std::chrono::nanoseconds length) {
    const auto end = Clock::now() + length;
    for (;;) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
      if (left.count() <= 0) return true;
      if (ready(0, left)) return false;  // nothing but an end is waited for
      if (stopped()) return false;
    }
  }

  // Nothing more comes; what the client has left to say does not turn into a reset.
  void finish() {
    ::shutdown(fd_.get(), SHUT_WR);
    for (int i = 0; i < 64 && receive(std::chrono::seconds(1)); ++i) bytes_.clear();
  }

 private:
  bool stopped() const {
    pollfd polled{stop_, POLLIN, 0};
    return ::poll(&polled, 1, 0) > 0;
  }
  bool ready(short what, std::chrono::milliseconds patience) const {
    std::array<pollfd, 2> polled{{{fd_.get(), what, 0}, {stop_, POLLIN, 0}}};
    const auto most = std::min<std::chrono::milliseconds>(patience, std::chrono::hours(1));
    const int n = ::poll(polled.data(), polled.size(), static_cast<int>(most.count()));
    return n > 0 && polled[0].revents != 0 && polled[1].revents == 0;
  }
  bool receive(std::chrono::milliseconds patience = kPatience) {
    std::array<char, 16 * 1024> piece{};
    if (!ready(POLLIN, patience)) return false;
    const ssize_t n = ::recv(fd_.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (n <= 0) return false;
    bytes_.append(piece.data(), static_cast<std::size_t>(n));
    read_ += static_cast<std::size_t>(n);
    return true;
  }

  host::UniqueFd fd_;
  int stop_;
  std::string bytes_;
  std::uint64_t read_ = 0;  // of the body
};

// One answer, record by record.
class Answer {
 public:
  Answer(const ReplayOptions& options, const Request& request, Connection& connection)
      : options_(options), request_(request), connection_(connection) {}

  // false: it ends here.
  bool add(const audit::Record& record) {
    if (std::holds_alternative<audit::RequestHead>(record.body) ||
        std::holds_alternative<audit::RequestBody>(record.body)) {
      if (!begun_) last_ = record.time.mono;  // the client waited from its last byte on
      return true;
    }
    if (const auto* head = std::get_if<audit::ResponseHead>(&record.body); head && !begun_) {
      begun_ = true;
      body_ = has_body(head->status) && !request_.head_only;
      return wait(record.time.mono) &&
             connection_.send(served_head(*head, request_.chunked && has_body(head->status)));
    }
    if (const auto* fragment = std::get_if<audit::ResponseFragment>(&record.body))
      return wait(record.time.mono) && (!body_ || send_body(fragment->content));
    // The client saw the answer break off.
    const auto* blocked = std::get_if<audit::Blocked>(&record.body);
    const auto* lost = std::get_if<audit::IdentityChange>(&record.body);
    const auto* close = std::get_if<audit::ExchangeClose>(&record.body);
    if ((blocked != nullptr && blocked->answer == "reset") ||
        (lost != nullptr && lost->answer == "reset") ||
        (close != nullptr && close->outcome == "agent stopped") ||
        (begun_ && std::holds_alternative<audit::UpstreamError>(record.body)))
      cut_ = true;
    return true;
  }

  void finish() {
    if (!begun_ || cut_) return;
    if (body_ && request_.chunked && !connection_.send("0\r\n\r\n")) return;
    connection_.finish();
  }

 private:
  bool wait(Monotonic at) {
    const auto since = std::exchange(last_, at);
    if (!since || options_.no_wait || at <= *since) return true;
    const auto pause = std::chrono::duration<double, std::nano>(at - *since) / options_.speed;
    return connection_.pause(std::chrono::duration_cast<std::chrono::nanoseconds>(pause));
  }
  bool send_body(const std::string& bytes) {
    if (bytes.empty()) return true;  // a chunk without bytes would be the last one
    if (!request_.chunked) return connection_.send(bytes);
    std::array<char, 24> size{};
    const int n = std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
    std::string chunk(size.data(), static_cast<std::size_t>(n));
    return connection_.send(chunk.append(bytes).append("\r\n"));
  }

  const ReplayOptions& options_;
  const Request& request_;
  Connection& connection_;
  std::optional<Monotonic> last_;
  bool begun_ = false, body_ = true, cut_ = false;
};

host::UniqueFd listen_on(const ServeAddress& address, std::uint16_t& port) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(address.port);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(address.port);
  void* const number =
      address.v6 ? static_cast<void*>(&v6.sin6_addr) : static_cast<void*>(&v4.sin_addr);
  auto* const generic =
      address.v6 ? reinterpret_cast<sockaddr*>(&v6) : reinterpret_cast<sockaddr*>(&v4);
  socklen_t size = address.v6 ? sizeof v6 : sizeof v4;
  const int reuse = 1;
  host::UniqueFd fd(
      ::socket(address.v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::inet_pton(address.v6 ? AF_INET6 : AF_INET, address.address.c_str(), number) != 1 || !fd ||
      ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse) != 0 ||
      ::bind(fd.get(), generic, size) != 0 || ::listen(fd.get(), SOMAXCONN) != 0 ||
      ::getsockname(fd.get(), generic, &size) != 0)
    throw std::system_error(errno, std::generic_category(), address.address);
  port = ntohs(address.v6 ? v6.sin6_port : v4.sin_port);
  return fd;
}

// Of the answer that was given, if there was one that HTTP can give again.
std::optional<int> recorded_status(recorder::LedgerReader& ledger, const Located& what) {
  std::optional<int> status;
  ledger.records(what.session, what.exchange, [&](const auto& stored) {
    if (stored.kind != "response.head") return true;
    const auto parsed = audit::parse_record(stored.bytes);
    if (const auto* head =
            parsed ? std::get_if<audit::ResponseHead>(&parsed->record.body) : nullptr)
      status = head->status;
    return false;
  });
  return status && *status >= 200 && *status <= 599 ? status : std::nullopt;
}

}  // namespace

bool ServeAddress::loopback() const { return v6 ? address == "::1" : address.starts_with("127."); }

std::optional<ServeAddress> parse_serve_address(std::string_view text) {
  ServeAddress out;
  if (text.empty()) return out;
  if (const auto port = parse_port(text)) return out.port = *port, out;
  out.v6 = text.starts_with('[');
  const std::size_t end = out.v6 ? text.find(']') : std::min(text.find(':'), text.size());
  if (end == std::string_view::npos) return std::nullopt;
  out.address = text.substr(out.v6 ? 1 : 0, end - (out.v6 ? 1 : 0));
  text.remove_prefix(end + (out.v6 ? 1 : 0));
  std::array<unsigned char, sizeof(in6_addr)> ignored{};
  if (::inet_pton(out.v6 ? AF_INET6 : AF_INET, out.address.c_str(), ignored.data()) != 1)
    return std::nullopt;
  if (text.empty()) return out;
  const auto port = text.starts_with(':') ? parse_port(text.substr(1)) : std::nullopt;
  if (!port) return std::nullopt;
  out.port = *port;
  return out;
}

std::string served_head(const audit::ResponseHead& head, bool chunked) {
  std::string out = "HTTP/1.1 " + std::to_string(head.status) + " Replayed\r\n";
  for (const auto& [name, value] : head.fields) {
    const std::string safe = lower(name);
    if (is_safe(safe, value)) out.append(safe).append(": ").append(value).append("\r\n");
  }
  // To a browser it is a page of this host that runs nothing.
  out +=
      "content-security-policy: sandbox\r\nx-content-type-options: nosniff\r\n"
      "cache-control: no-store\r\n";
  if (chunked) out += "transfer-encoding: chunked\r\n";
  return out + "connection: close\r\n\r\n";
}

int audit_serve(recorder::LedgerReader& ledger, const ReplayOptions& options,
                const ServeAddress& address, const host::UniqueFd& stop, const Screen& screen) {
  const LocateResult located = locate(ledger, options.id, screen.err);
  if (!located.found) return located.exit_code;
  const Located& what = *located.found;
  if (!recorded_status(ledger, what)) {
    screen.err << "veilwire: there is no answer that could be served again\n";
    return kAuditUnknownId;
  }
  std::uint16_t port = 0;
  host::UniqueFd listener;
  try {
    listener = listen_on(address, port);
  } catch (const std::system_error& e) {
    screen.err << "veilwire: " << e.what() << '\n';
    return kAuditFailed;
  }
  const std::string url = "http://" + (address.v6 ? "[" + address.address + "]" : address.address) +
                          ":" + std::to_string(port);
  screen.err << "veilwire: " << url << " answers each request with "
             << audit_id(what.session, what.exchange) << "; Ctrl-C ends it\n";
  if (!address.loopback()) screen.err << "veilwire: whoever reaches this address can read it\n";
  screen.err.flush();
  for (;;) {
    std::array<pollfd, 2> polled{{{listener.get(), POLLIN, 0}, {stop.get(), POLLIN, 0}}};
    if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return kAuditFailed;
    if (polled[1].revents != 0) return 0;
    host::UniqueFd fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) continue;
    Connection connection(std::move(fd), stop.get());
    const auto request = connection.read();
    if (!request) continue;
    if (address.loopback() && !is_loopback_name(request->host)) {
      (void)connection.send(
          "HTTP/1.1 421 Misdirected Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
      connection.finish();
      continue;
    }
    Answer answer(options, *request, connection);
    bool whole = true;
    ledger.records(what.session, what.exchange, [&](const auto& stored) {
      const auto parsed = audit::parse_record(stored.bytes);
      if (parsed) whole = answer.add(parsed->record);
      return whole;
    });
    if (whole) answer.finish();
  }
}

}  // namespace veilwire::ctl
