// How long a server asks to be left alone: the field Retry-After (RFC 9110, 10.2.3). Pure. Tested
// by tests/unit/forwarder/retry_after_test.cpp.
#pragma once

#include "userspace/base/time.h"

#include <chrono>
#include <optional>
#include <string_view>

namespace veilwire::forwarder {

// Seconds, or a date in the one form that may still be written ("Sun, 06 Nov 1994 08:49:37 GMT"),
// which is 0 once it is over. nullopt: anything else.
std::optional<std::chrono::seconds> read_retry_after(std::string_view field, WallTime now);

}  // namespace veilwire::forwarder
