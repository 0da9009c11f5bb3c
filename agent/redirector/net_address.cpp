#include "agent/redirector/net_address.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace veilwire::redirector {
namespace {

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

template <class T>
std::optional<T> parse_number(std::string_view text, T high) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [p, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || p != end || value > high) return std::nullopt;
  return value;
}

}  // namespace

bool is_mapped4(const Address& address) {
  return std::equal(kMapped.begin(), kMapped.end(), address.begin());
}

bool is_loopback(const Address& address) {
  if (is_mapped4(address)) return address[12] == 127;
  Address one{};
  one[15] = 1;
  return address == one;
}

bool is_unspecified(const Address& address) {
  const std::size_t from = is_mapped4(address) ? kMapped.size() : 0;
  return std::all_of(address.begin() + static_cast<std::ptrdiff_t>(from), address.end(),
                     [](std::uint8_t byte) { return byte == 0; });
}

std::optional<Address> parse_address(std::string_view text) {
  const std::string terminated(text);
  Address address{};
  if (::inet_pton(AF_INET6, terminated.c_str(), address.data()) == 1) return address;
  std::copy(kMapped.begin(), kMapped.end(), address.begin());
  if (::inet_pton(AF_INET, terminated.c_str(), address.data() + kMapped.size()) == 1)
    return address;
  return std::nullopt;
}

std::string to_string(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool four = is_mapped4(address);
  ::inet_ntop(four ? AF_INET : AF_INET6, address.data() + (four ? kMapped.size() : 0), text.data(),
              text.size());
  return text.data();
}

std::optional<Prefix> parse_prefix(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) return std::nullopt;
  Prefix prefix{*address, 128};
  if (slash != std::string_view::npos) {
    const bool four = text.find(':') == std::string_view::npos;
    const auto bits = parse_number<unsigned>(text.substr(slash + 1), four ? 32 : 128);
    if (!bits) return std::nullopt;
    prefix.bits = *bits + (four ? 96 : 0);
  }
  for (unsigned bit = prefix.bits; bit < 128; ++bit)
    if ((prefix.address[bit / 8] & (0x80U >> (bit % 8))) != 0) return std::nullopt;
  return prefix;
}

std::string to_string(const Prefix& prefix) {
  const bool four = is_mapped4(prefix.address) && prefix.bits >= 96;
  return to_string(prefix.address) + "/" + std::to_string(prefix.bits - (four ? 96 : 0));
}

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && host.find(':') != std::string_view::npos) return std::nullopt;
  const auto address = parse_address(host);
  const auto port = parse_number<std::uint16_t>(text.substr(colon + 1), 65535);
  if (!address || !port || *port == 0) return std::nullopt;
  return Endpoint{*address, *port};
}

std::string to_string(const Endpoint& endpoint) {
  const std::string host = to_string(endpoint.address);
  return (is_mapped4(endpoint.address) ? host : "[" + host + "]") + ":" +
         std::to_string(endpoint.port);
}

}  // namespace veilwire::redirector
