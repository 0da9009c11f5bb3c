// The Date of an HTTP answer (RFC 9110, 5.6.7), in the one form that servers write. Tested by
// tests/unit/doctor/http_date_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace veilwire::doctor {

// "Sun, 06 Nov 1994 08:49:37 GMT" as seconds since 1970; nullopt: it is no such text.
std::optional<std::int64_t> read_http_date(const std::string& text);

}  // namespace veilwire::doctor
