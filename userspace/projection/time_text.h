// A date as RFC 3339 and ISO 8601 spell it, in UTC with microseconds:
// "2026-11-23T12:00:00.123456Z". Tested by tests/unit/projection/time_text_test.cpp.
#pragma once

#include "userspace/base/time.h"

#include <string>

namespace veilwire::projection {

// Nanoseconds in 64 bits reach from 1677 to 2262: the year has four digits always.
std::string time_text(WallTime time);

}  // namespace veilwire::projection
