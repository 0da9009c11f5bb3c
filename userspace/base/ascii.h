// Letters without regard to case, where a protocol or a rule says so: ASCII alone, whatever the
// locale. Bytes above 127 stay as they are.
//
// Tested by tests/unit/base/ascii_test.cpp.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace veilwire {

constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

inline std::string to_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = to_lower(c);
  return out;
}

constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return to_lower(x) == to_lower(y); });
}

}  // namespace veilwire
