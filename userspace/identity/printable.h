// Names go into records, terminals and messages to clients; a directory or an IdP may hold
// anything. Tested by tests/unit/identity/local_test.cpp.
#pragma once

#include <algorithm>
#include <string_view>

namespace veilwire::identity {

inline bool printable(std::string_view name) {
  return !name.empty() && std::none_of(name.begin(), name.end(),
                                       [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

}  // namespace veilwire::identity
