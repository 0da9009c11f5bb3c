// Takes single values out of a JSON text by their paths, without building the document: a body of
// 48 MB costs one scan and the few values that were asked for. Tested by
// tests/unit/message/pick_test.cpp.
#pragma once

#include "userspace/wire/json_scanner.h"

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace veilwire::message {

// A longer value is not taken: no model, method, tool or identifier is, and a record must not be
// filled by one.
inline constexpr std::size_t kLongestPick = 1024;

inline constexpr std::size_t kDeepestPick = 4;  // keys of a path

struct Pick {
  // Keys from the root on; "[]" is any element of an array.
  Pick(std::initializer_list<std::string_view> where);

  std::string_view path[kDeepestPick];
  std::size_t depth = 0;
  std::size_t limit = kLongestPick;
  // JSON text of the scalar as it came, quotes included; empty where there is none, where it is an
  // object or array, or over the limit. Of repeated members the last counts, as for the parsers of
  // clients and servers.
  std::string json;
  // First byte of the JSON text, whatever the limit; NUL for an object or array.
  char first = '\0';
  // How often the path was met, by a value of any kind.
  std::size_t count = 0;

  // The value of a string, decoded; empty for anything else.
  std::string text() const;
  bool is_true() const { return json == "true"; }
};

// False where the text is not one JSON value; picks then hold what was found before the fault.
bool pick(std::string_view json, std::span<Pick> picks);
// The same from the events of a text that a scanner has found to be one JSON value.
void pick(std::span<const wire::JsonEvent> events, std::span<Pick> picks);

}  // namespace veilwire::message
