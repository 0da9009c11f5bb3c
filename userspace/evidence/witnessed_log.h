// A log as its witness follows it: what has to be kept of it, and what it takes to let it grow. A
// witness sees every record once, in order, and keeps a few hashes; so it can say that the log has
// only grown without asking the log for a proof. Records are anything, from a host that may have
// been taken over. Tested by tests/unit/evidence/witnessed_log_test.cpp.
#pragma once

#include "userspace/audit/parse.h"
#include "userspace/base/result.h"
#include "userspace/base/time.h"
#include "userspace/proof/merkle_tree.h"
#include "userspace/proof/signed_note.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::evidence {

struct WitnessedLog {
  std::string origin;
  proof::Frontier end;
  std::string key;          // that checkpoints are signed by now, spelled; "" before the first
  bool is_trusted = false;  // it is a pinned one or follows from one
  // The last one that holds: all that a witness puts its name to.
  struct Checkpoint {
    std::uint64_t size = 0;
    std::string note;  // as the log has signed it
    std::optional<WallTime> signed_at;
  };
  std::optional<Checkpoint> checkpoint;
};

// Bytes of the hashes at the end, and the end of a log of this size. nullopt: not as many hashes.
std::string frontier_bytes(const proof::Frontier& end);
std::optional<proof::Frontier> read_frontier(std::uint64_t size, std::string_view bytes);

struct Growth {
  WitnessedLog after;
  // Of each record that was added.
  std::vector<proof::Hash> leaves;
  std::vector<std::optional<audit::Parsed>> parsed;  // nullopt: it is none that can be read
  bool has_checkpoint = false;                       // after.checkpoint is among them
};

// The log is not what its checkpoints say, or its key comes from nowhere. Nothing is added.
struct Contradiction {
  std::uint64_t record = 0;  // its number, from 1
  std::string what;          // a clause for a person: "is ..."
};

// The log with these records behind its end. pinned: the keys that this log's first key has to be
// one of, and by which an operator vouches for a later one that the key before it has not signed;
// with none, the first key is taken at its word. What no checkpoint covers yet is believed until
// one does.
Result<Growth, Contradiction> grow(const WitnessedLog& before,
                                   std::span<const proof::NoteVerifier> pinned,
                                   std::span<const std::string_view> records);

}  // namespace veilwire::evidence
