// Addresses as bpf/abi.h has them: 16 bytes in network order, IPv4 in v4-mapped form; and their
// text. Tested by tests/unit/redirector/config_test.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::redirector {

using Address = std::array<std::uint8_t, 16>;

bool is_mapped4(const Address& address);
bool is_loopback(const Address& address);
bool is_unspecified(const Address& address);

// "192.0.2.1" or "2001:db8::1"; nothing for anything else.
std::optional<Address> parse_address(std::string_view text);
std::string to_string(const Address& address);

// bits counts from the front of the 16 bytes: an IPv4 /24 has 120.
struct Prefix {
  Address address{};
  unsigned bits = 128;
  // clang-tidy 14 takes the generated comparison with 0 for a pointer's.
  friend auto operator<=>(const Prefix&, const Prefix&) = default;  // NOLINT(modernize-use-nullptr)
};
// "192.0.2.0/24", "2001:db8::/32", or an address. Bits beyond the length must be zero.
std::optional<Prefix> parse_prefix(std::string_view text);
std::string to_string(const Prefix& prefix);

struct Endpoint {
  Address address{};
  std::uint16_t port = 0;
  friend auto operator<=>(const Endpoint&,
                          const Endpoint&) = default;  // NOLINT(modernize-use-nullptr)
};
// "127.0.0.1:3000" or "[::1]:3000".
std::optional<Endpoint> parse_endpoint(std::string_view text);
std::string to_string(const Endpoint& endpoint);

}  // namespace veilwire::redirector
