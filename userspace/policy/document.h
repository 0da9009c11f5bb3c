// A TOML document as plain values that know where they stand, so that whatever is wrong with one
// can be said with its line and column. Keeps toml++ in one .cpp and the readers above it free of
// third-party types. Tested by tests/unit/policy/parse_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/policy/policy.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::policy {

struct Place {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

struct Member;

struct Value {
  enum class Kind : std::uint8_t { String, Integer, Float, Boolean, Time, Array, Table };
  Kind kind = Kind::Table;
  Place place;
  std::string text;             // String
  std::int64_t number = 0;      // Integer, Boolean
  std::vector<Value> items;     // Array
  std::vector<Member> members;  // Table, in the order of the file
};

struct Member {
  std::string key;
  Place place;
  Value value;
};

std::string_view to_string(Value::Kind kind);

// The root table, or where and why the text is not TOML.
Result<Value, PolicyError> parse_document(std::string_view toml, std::string_view file);

}  // namespace veilwire::policy
