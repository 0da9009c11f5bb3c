// Where a message ends; see framing.h. Tested by tests/unit/wire/framing_test.cpp and
// smuggling_test.cpp.
#include "userspace/wire/framing.h"

#include "userspace/base/ascii.h"

#include <limits>
#include <optional>

namespace veilwire::wire {
namespace {

using Fault = Unexpected<HttpFault>;

Fault at_field(HttpError error, const Field& field) { return Fault{{error, field.line.offset}}; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Signed 64 bits are what most recipients count with; a length that does not fit is read
// differently by them.
constexpr std::uint64_t kLargestLength = std::numeric_limits<std::int64_t>::max();

Result<std::uint64_t, HttpError> read_length(std::string_view text) {
  if (text.empty()) return Unexpected{HttpError::BadLength};
  if (text.find(',') != std::string_view::npos) return Unexpected{HttpError::RepeatedLength};
  std::uint64_t length = 0;
  for (const char c : text) {
    if (!is_digit(c)) return Unexpected{HttpError::BadLength};
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (length > (kLargestLength - digit) / 10) return Unexpected{HttpError::LengthOverflow};
    length = length * 10 + digit;
  }
  return length;
}

// What Content-Length and Transfer-Encoding say together; nothing where neither is there.
Result<std::optional<Framing>, HttpFault> read_framing_fields(const FieldSection& head,
                                                              int minor_version) {
  for (const std::string_view option : head.list("Connection")) {
    if (!is_token(option)) return at_field(HttpError::BadConnection, *head.find("Connection"));
  }
  const Field* length = head.find("Content-Length");
  const Field* coding = head.find("Transfer-Encoding");
  if (coding != nullptr) {
    if (length != nullptr) return at_field(HttpError::LengthAndCoding, *length);
    if (minor_version == 0) return at_field(HttpError::CodingInHttp10, *coding);
    const auto value = head.sole_value("Transfer-Encoding");
    if (!value || !equal_ignoring_case(*value, "chunked")) {
      return at_field(HttpError::BadTransferCoding, *coding);
    }
    return std::optional(Framing{Framing::Kind::Chunked, 0});
  }
  if (length == nullptr) return std::optional<Framing>();
  const auto value = head.sole_value("Content-Length");
  if (!value) return at_field(HttpError::RepeatedLength, *length);
  const auto number = read_length(*value);
  if (!number) return at_field(number.error(), *length);
  return std::optional(Framing{Framing::Kind::Length, *number});
}

struct Authority {
  std::string_view host;  // brackets of an IPv6 address included
  std::string_view port;  // digits, may be empty
};

bool is_host_char(char c) {
  // unreserved, sub-delims and "%" of RFC 3986's reg-name, without the comma, which joins repeated
  // fields.
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
         (c != '\0' && std::string_view("-._~%!$&'()*+;=").find(c) != std::string_view::npos);
}

bool is_address_char(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
}

// host[:port] without user information (RFC 9110, 4.2.4 has it refused: it only misleads).
std::optional<Authority> split_authority(std::string_view text) {
  Authority result;
  std::size_t at = 0;
  if (!text.empty() && text[0] == '[') {
    at = text.find(']');
    if (at == std::string_view::npos || at == 1) return std::nullopt;
    for (std::size_t i = 1; i < at; ++i) {
      if (!is_address_char(text[i])) return std::nullopt;
    }
    ++at;
  } else {
    while (at < text.size() && is_host_char(text[at])) ++at;
    if (at == 0) return std::nullopt;
  }
  result.host = text.substr(0, at);
  if (at == text.size()) return result;
  if (text[at] != ':') return std::nullopt;
  result.port = text.substr(at + 1);
  if (result.port.size() > 5) return std::nullopt;
  unsigned number = 0;
  for (const char c : result.port) {
    if (!is_digit(c)) return std::nullopt;
    number = number * 10 + static_cast<unsigned>(c - '0');
  }
  if (number > 65535) return std::nullopt;
  return result;
}

struct Target {
  enum class Form { Origin, Absolute, Authority, Asterisk };
  Form form = Form::Origin;
  std::string_view authority;
  std::string_view default_port;
};

std::optional<Target> read_target(const RequestHead& head) {
  const std::string_view target = head.target();
  if (head.method() == "CONNECT") return Target{Target::Form::Authority, target, {}};
  if (target == "*") {
    if (head.method() != "OPTIONS") return std::nullopt;
    return Target{Target::Form::Asterisk, {}, {}};
  }
  if (target.front() == '/') return Target{};
  const std::size_t colon = target.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view scheme = target.substr(0, colon);
  const bool secure = equal_ignoring_case(scheme, "https");
  if (!secure && !equal_ignoring_case(scheme, "http")) return std::nullopt;
  const std::string_view rest = target.substr(colon + 3);
  return Target{Target::Form::Absolute, rest.substr(0, rest.find_first_of("/?")),
                secure ? "443" : "80"};
}

bool same_authority(const Authority& a, const Authority& b, std::string_view default_port) {
  const std::string_view port_a = a.port.empty() ? default_port : a.port;
  const std::string_view port_b = b.port.empty() ? default_port : b.port;
  return equal_ignoring_case(a.host, b.host) && port_a == port_b;
}

Result<void, HttpFault> check_authority(const RequestHead& head) {
  const HttpFault bad_target{HttpError::BadTarget, head.target_span.offset};
  const std::optional<Target> target = read_target(head);
  if (!target) return Fault{bad_target};
  std::optional<Authority> named;
  if (target->form == Target::Form::Absolute || target->form == Target::Form::Authority) {
    named = split_authority(target->authority);
    if (!named) return Fault{bad_target};
    if (target->form == Target::Form::Authority && named->port.empty()) return Fault{bad_target};
  }
  const std::size_t hosts = head.count("Host");
  const Field* host = head.find("Host");
  if (hosts > 1) return at_field(HttpError::RepeatedHost, *host);
  if (hosts == 0) {
    if (head.minor_version == 0) return {};
    return Fault{{HttpError::MissingHost, 0}};
  }
  const std::optional<Authority> value = split_authority(head.value(*host));
  if (!value) return at_field(HttpError::BadHost, *host);
  if (!named) return {};
  // Clients of a CONNECT proxy leave the port out of Host where it is a scheme's default.
  const bool default_of_connect = target->form == Target::Form::Authority && value->port.empty() &&
                                  (named->port == "443" || named->port == "80");
  const std::string_view default_port = default_of_connect ? named->port : target->default_port;
  if (!same_authority(*named, *value, default_port)) {
    return at_field(HttpError::AuthorityMismatch, *host);
  }
  return {};
}

bool persists(const FieldSection& head, int minor_version) {
  if (head.lists("Connection", "close")) return false;
  return minor_version >= 1 || head.lists("Connection", "keep-alive");
}

}  // namespace

Expectation expectation_of(const RequestHead& head) {
  return {head.method() == "HEAD", head.method() == "CONNECT",
          head.minor_version == 1 && head.has("Upgrade") && head.lists("Connection", "upgrade")};
}

Result<Framing, HttpFault> decide_framing(const RequestHead& head) {
  if (auto checked = check_authority(head); !checked) return Unexpected{checked.error()};
  const auto fields = read_framing_fields(head, head.minor_version);
  if (!fields) return Unexpected{fields.error()};
  if (!*fields) return Framing{};
  // Some recipients take a body here, others the tunnel's first bytes (RFC 9110, 9.3.6).
  if (head.method() == "CONNECT") return Fault{{HttpError::BodyNotAllowed, 0}};
  return **fields;
}

Result<Framing, HttpFault> decide_framing(const ResponseHead& head, const Expectation& request) {
  const auto fields = read_framing_fields(head, head.minor_version);
  if (!fields) return Unexpected{fields.error()};
  const bool switches = head.status == 101;
  if (switches && !request.upgrade) return Fault{{HttpError::UnexpectedUpgrade, 0}};
  const bool tunnel = switches || (request.connect && head.status / 100 == 2);
  if (tunnel || head.status < 200 || head.status == 204) {
    // These never have a body, and a sender that frames one is read differently by those who
    // believe it. Only the widespread "Content-Length: 0" says the same to all.
    if (*fields && **fields != Framing{Framing::Kind::Length, 0}) {
      return Fault{{HttpError::BodyNotAllowed, 0}};
    }
    return Framing{tunnel ? Framing::Kind::Tunnel : Framing::Kind::None, 0};
  }
  // Here the fields describe what a GET would have got.
  if (request.head || head.status == 304) return Framing{};
  if (*fields) return **fields;
  return Framing{Framing::Kind::UntilClose, 0};
}

bool wants_persistence(const RequestHead& head) { return persists(head, head.minor_version); }
bool wants_persistence(const ResponseHead& head) { return persists(head, head.minor_version); }

std::string_view authority(const RequestHead& head) {
  const std::optional<Target> target = read_target(head);
  if (target && !target->authority.empty()) return target->authority;
  return head.sole_value("Host").value_or(std::string_view());
}

}  // namespace veilwire::wire
