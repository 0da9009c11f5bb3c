// The address of an IdP or of one of its endpoints. Read more strictly than RFC 3986: requests to
// it carry our credentials, so that no two parsers may differ over which host it names. Tested by
// tests/unit/identity/url_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::identity {

struct Url {
  std::string text;       // as it came, which is how URLs compare (RFC 8414, 3.3)
  bool secure = true;     // https
  std::string host;       // a name, or an address without brackets
  std::string authority;  // for Host: the host as it came, and the port where one was named
  std::uint16_t port = 443;
  std::string target;  // path and query, "/" at least
  friend bool operator==(const Url& a, const Url& b) { return a.text == b.text; }
};

// Plain http is for tests, and for a loopback address alone: a name, even localhost, is what a
// resolver says it is (RFC 8252, 8.3).
enum class PlainHttp : std::uint8_t { No, Loopback };

// nullopt: a scheme that is not allowed, user information, a fragment, a byte that no URI holds, an
// address in another than its one spelling, or over limits::kIdpUrl.
std::optional<Url> parse_url(std::string_view text, PlainHttp plain);

}  // namespace veilwire::identity
