// Deletes the ledger's first records, in their order, once they have been kept long enough and are
// held elsewhere. First the recorder says so in a record, then they go, a few at a time. What is
// never deleted: statements of keys, without which no checkpoint can be judged; what a destination
// has refused for good; anything behind the first record of an exchange that is open, or of none
// that a checkpoint covers. Of the tree goes what no proof needs any more, see forget_hashes().
// Pages that become free are used again; the file does not shrink, which would cost a rewrite of
// it. Tested by tests/unit/recorder/retention_test.cpp.
#pragma once

#include "agent/recorder/cosignature_check.h"
#include "agent/recorder/sqlite.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::recorder {

// All of it must hold.
struct RetentionPolicy {
  std::optional<std::chrono::nanoseconds> keep;  // nullopt: nothing is ever deleted
  std::vector<std::string> delivered_to;         // sinks that have confirmed
  // By one of these witnesses, as proof::NoteVerifier spells their keys; none: by nobody.
  std::vector<std::string> witnesses = {};
};

class Retention {
 public:
  // What belongs to no connection is filed under this, and is never open.
  static constexpr std::string_view kNoSession = "0000000000000000";

  // Where nothing was ever deleted it makes the indexes that deleting needs, once: a policy that
  // keeps everything does without them. Throws SqliteError.
  Retention(Database& database, RetentionPolicy policy);

  struct Extent {
    std::uint64_t through = 0;  // said
    std::uint64_t swept = 0;    // done
  };
  Extent read();  // throws SqliteError
  bool deletes() const { return policy_.keep.has_value(); }

  // How far it may be said now; at least `through`. nullopt, or false: the database refused.
  std::optional<std::uint64_t> bound(const Extent& extent, std::int64_t now_wall_ns);
  // Of those behind `after`, that go then.
  std::optional<std::uint64_t> count(std::uint64_t after, std::uint64_t through);
  bool say(std::uint64_t through);

  // The next one, in order; swept() at the end of the transaction.
  bool forget(std::uint64_t record);
  bool swept(std::uint64_t record);

 private:
  bool forget_record(std::uint64_t record, std::optional<std::int64_t> content);
  bool forget_exchange(std::string_view session, std::int64_t exchange);
  bool forget_hashes(std::uint64_t record);
  std::optional<std::int64_t> number(Statement& query);

  RetentionPolicy policy_;
  Database& database_;
  CosignatureCheck cosigned_;
  Statement checkpoint_, position_, open_, young_, keys_, dead_, say_, swept_, find_, pieces_,
      drop_record_, drop_pieces_, drop_content_, find_exchange_, cut_, find_entry_, drop_findings_,
      drop_terms_, drop_entry_, any_record_, drop_hashes_;
};

}  // namespace veilwire::recorder
