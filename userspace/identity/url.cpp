#include "userspace/identity/url.h"

#include "userspace/base/limits.h"

#include <algorithm>
#include <charconv>

namespace veilwire::identity {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// A decimal number without leading zeros, up to `most`.
std::optional<unsigned> decimal(std::string_view text, unsigned most) {
  if (text.empty() || text.size() > 5 || !std::all_of(text.begin(), text.end(), is_digit) ||
      (text.size() > 1 && text.front() == '0'))
    return std::nullopt;
  unsigned value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value <= most ? std::optional(value) : std::nullopt;
}

bool is_ipv4(std::string_view host) {
  for (int part = 0; part < 4; ++part) {
    const std::size_t end = part < 3 ? host.find('.') : host.size();
    if (end == std::string_view::npos || !decimal(host.substr(0, end), 255)) return false;
    host.remove_prefix(std::min(end + 1, host.size()));
  }
  return host.empty();
}

bool is_name(std::string_view host) {
  if (host.empty() || host.size() > 253) return false;
  std::string_view label;
  while (!host.empty()) {
    const std::size_t end = std::min(host.find('.'), host.size());
    label = host.substr(0, end);
    const bool sound = std::all_of(label.begin(), label.end(), [](char c) {
      return is_letter(c) || is_digit(c) || c == '-' || c == '_';
    });
    if (label.empty() || label.size() > 63 || !sound || host.ends_with('.')) return false;
    host.remove_prefix(std::min(end + 1, host.size()));
  }
  // 0x7f.1 and 2130706433 are addresses for some resolvers.
  return !is_digit(label.front());
}

bool is_ipv6(std::string_view host) {
  return host.size() >= 2 && host.find(':') != std::string_view::npos &&
         std::all_of(host.begin(), host.end(),
                     [](char c) { return is_hex(c) || c == ':' || c == '.'; });
}

bool is_target(std::string_view target) {
  for (std::size_t i = 0; i < target.size(); ++i) {
    const char c = target[i];
    if (c == '%' && (target.size() - i < 3 || !is_hex(target[i + 1]) || !is_hex(target[i + 2])))
      return false;
    if (!is_letter(c) && !is_digit(c) &&
        std::string_view("-._~!$&'()*+,;=:@/?%").find(c) == std::string_view::npos)
      return false;
  }
  return true;
}

}  // namespace

std::optional<Url> parse_url(std::string_view text, PlainHttp plain) {
  if (text.size() > limits::kIdpUrl) return std::nullopt;
  Url url;
  url.text = text;
  url.secure = text.starts_with("https://");
  if (!url.secure && (plain == PlainHttp::No || !text.starts_with("http://"))) return std::nullopt;
  text.remove_prefix(url.secure ? 8 : 7);
  const std::size_t end = std::min(text.find_first_of("/?"), text.size());
  const std::string_view authority = text.substr(0, end), target = text.substr(end);

  std::string_view port;
  bool bracketed = false;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    bracketed = true;
    url.host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    url.host = authority.substr(0, colon);
    port = authority.substr(colon);
  }
  const bool ipv4 = !bracketed && is_ipv4(url.host);
  if (bracketed ? !is_ipv6(url.host) : !ipv4 && !is_name(url.host)) return std::nullopt;
  const bool loopback = bracketed ? url.host == "::1" : ipv4 && url.host.starts_with("127.");
  if (!url.secure && !loopback) return std::nullopt;

  url.port = url.secure ? 443 : 80;
  if (!port.empty()) {
    const auto number = port.front() == ':' ? decimal(port.substr(1), 65535) : std::nullopt;
    if (!number || *number == 0) return std::nullopt;
    url.port = static_cast<std::uint16_t>(*number);
  }
  if (!is_target(target)) return std::nullopt;
  url.authority = authority;
  url.target = target.starts_with('/') ? std::string(target) : '/' + std::string(target);
  return url;
}

}  // namespace veilwire::identity
