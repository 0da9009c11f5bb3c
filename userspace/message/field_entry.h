// One row of the tables that say what the members of a JSON object are: anthropic_fields.h and
// mcp_fields.h, for fields.cpp alone.
#pragma once

#include "userspace/message/fields.h"

#include <cstdint>
#include <string_view>

namespace veilwire::message::table {

// Whether a member changes what a later sibling is.
enum class Mark : std::uint8_t {
  No,
  Seen,
  Base64,  // when its value is the string "base64"
};

// In an object of zone `in`, the value of `key` is of zone `value`, or of `if_marked` once a
// sibling has marked the object. A key may begin or end with '*' for any beginning or end. Entries
// of one zone stand together.
struct Entry {
  Zone in;
  std::string_view key;
  Zone value;
  Mark mark = Mark::No;
  Zone if_marked = value;
};

using enum Zone;

}  // namespace veilwire::message::table
