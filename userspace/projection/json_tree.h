// JSON that a peer sent, as a Value, and what is asked of one. Tested by
// tests/unit/projection/json_tree_test.cpp.
#pragma once

#include "userspace/projection/value.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace veilwire::projection {

// A document that nests deeper is none of the APIs that are read here ("[[[[" for whoever walks
// it).
inline constexpr std::size_t kDeepestJson = 64;
// Protocol buffers are decoded to a nesting of 100 in most languages; a map in a map takes three of
// that, and a dozen are around it.
inline constexpr std::size_t kDeepestTree = 24;

// Nothing where the text is not one JSON value of UTF-8, or nests deeper. Of repeated members the
// last counts; integers beyond 64 bits become real numbers.
std::optional<Value> parse_json(std::string_view json);

// The same down to `levels`; what nests deeper becomes its JSON text.
Value flatten(const Value& value, std::size_t levels = kDeepestTree);

// Of a map; null where there is no such member, or no map.
const Value& member(const Value& value, std::string_view name);
std::string_view text_of(const Value& value);  // empty for anything but a string
std::optional<std::uint64_t> number_of(const Value& value);
const Value::List& list_of(const Value& value);  // empty for anything but a list
bool is_true(const Value& value);
bool is_null(const Value& value);
bool is_map(const Value& value);

}  // namespace veilwire::projection
