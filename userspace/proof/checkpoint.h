// What a log says of itself at one moment: how many records it has, and the root of their tree
// (C2SP tlog-checkpoint v1.0.0). It is the text of a signed note. Ours say their time in an
// extension line: a log that has nothing to say says so, and a missing tail shows. Tested by
// tests/unit/proof/checkpoint_test.cpp.
#pragma once

#include "userspace/base/time.h"
#include "userspace/proof/merkle_tree.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::proof {

inline constexpr std::size_t kCheckpointExtensions = 16;

struct Checkpoint {
  std::string origin;      // one line, which names the log
  std::uint64_t size = 0;  // records, at most kMostRecords
  Hash root{};
  std::vector<std::string> extensions;  // lines, none empty
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

// Our extension line: when the log said so, in nanoseconds since 1970.
std::string time_extension(WallTime time);
std::optional<WallTime> time_of(const Checkpoint& checkpoint);  // nullopt: it does not say

// Lines hold no line end.
std::string to_text(const Checkpoint& checkpoint);
// nullopt: not exactly what to_text() writes of one.
std::optional<Checkpoint> parse_checkpoint(std::string_view text);

}  // namespace veilwire::proof
