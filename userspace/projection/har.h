// HTTP Archive 1.2 (softwareishard.com/blog/har-12-spec) of exchanges, for the tools that everybody
// has. What it has no member for stands in `_veilwire`; a cut is `_cut`, a value that is not shown
// `_bytes`. Written entry by entry, so that an export of any size streams.
// Tested by tests/unit/projection/har_test.cpp and, by the members that the specification requires,
// tests/projection/har_test.py.
#pragma once

#include "userspace/projection/exchange.h"
#include "userspace/projection/level.h"
#include "userspace/projection/source.h"

#include <optional>
#include <string>

namespace veilwire::projection {

// har_begin(), entries with a comma between them, har_end().
std::string har_begin(const Source& source);
std::string har_end();
// Nothing at Level::Findings, which HAR has no words for, and where there is no request.
std::optional<std::string> har_entry(const Exchange& exchange, Level level);

}  // namespace veilwire::projection
