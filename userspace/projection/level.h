// How much of what was said a sink is given. The ledger always holds everything; a central store
// that many may read need not. Tested by tests/unit/projection/level_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace veilwire::projection {

enum class Level : std::uint8_t {
  Masked,    // everything that a record holds: bodies as released, masks in place
  Metadata,  // no bodies, no queries, and no values of header fields but types and sizes
  Findings,  // rule, category, counts, decision, person and tool; nothing where none of it is
};

// "masked", "metadata", "findings": as configurations spell it.
constexpr std::string_view to_string(Level level) {
  switch (level) {
    case Level::Masked:
      return "masked";
    case Level::Metadata:
      return "metadata";
    case Level::Findings:
      return "findings";
  }
  return "findings";
}

constexpr std::optional<Level> parse_level(std::string_view text) {
  for (const Level level : {Level::Masked, Level::Metadata, Level::Findings}) {
    if (to_string(level) == text) return level;
  }
  return std::nullopt;
}

}  // namespace veilwire::projection
