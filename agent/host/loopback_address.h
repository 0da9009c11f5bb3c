// The address on this host that a browser comes back to behind a sign-in:
// "http://127.0.0.1:PORT/PATH" or "http://[::1]:PORT/PATH", and never localhost, which may resolve
// to another (RFC 8252, 8.3). Tested by tests/unit/host/loopback_address_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::host {

struct LoopbackAddress {
  bool v6 = false;
  std::uint16_t port = 0;
  std::string path;  // with what follows it: begins with "/", printable ASCII
};

// nullopt: it is another address, or has port 0 or a fragment.
std::optional<LoopbackAddress> parse_loopback(std::string_view address);

}  // namespace veilwire::host
