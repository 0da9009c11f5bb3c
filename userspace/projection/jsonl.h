// Records and exchanges as lines of JSON. At Level::Masked a record is its canonical bytes, so that
// what was exported can still be proved; what is below, and what says that there are sealed
// originals, is a tree with the same names.
// Tested by tests/unit/projection/jsonl_test.cpp.
#pragma once

#include "userspace/audit/parse.h"
#include "userspace/projection/exchange.h"
#include "userspace/projection/level.h"

#include <optional>
#include <string>
#include <string_view>

namespace veilwire::projection {

// With its line feed. canonical: the bytes that record was parsed from.
std::optional<std::string> jsonl(std::string_view canonical, const audit::Parsed& record,
                                 Level level);
std::optional<std::string> jsonl(const Exchange& exchange, Level level);

}  // namespace veilwire::projection
