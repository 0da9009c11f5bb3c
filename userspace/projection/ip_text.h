// Whether a text is an IP address, where a format has another word for it than for a name. Strict:
// one address has few spellings. Tested by tests/unit/projection/ip_text_test.cpp.
#pragma once

#include <string_view>

namespace veilwire::projection {

bool is_ipv4(std::string_view text);
// RFC 4291, 2.2, without zones and brackets and without an IPv4 address in it.
bool is_ipv6(std::string_view text);

}  // namespace veilwire::projection
