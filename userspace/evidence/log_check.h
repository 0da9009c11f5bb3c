// Reads a whole log, record by record, and says what of it is proven: hashes everything anew and
// compares with what the log's checkpoints have signed. It believes nothing that the ledger has
// worked out for itself. Records may be anything: a log is verified because somebody may have
// changed it. Tested by tests/unit/evidence/log_check_test.cpp and, against
// golang.org/x/mod/sumdb, by tests/evidence.
#pragma once

#include "userspace/audit/parse.h"
#include "userspace/base/time.h"
#include "userspace/evidence/key_chain.h"
#include "userspace/evidence/problem.h"
#include "userspace/proof/checkpoint.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::evidence {

struct LogReport {
  std::uint64_t records = 0;  // that the log has ever had
  proof::Hash root{};
  std::uint64_t deleted_through = 0;  // the first ones, which are no longer there,
  std::uint64_t kept = 0;             // but for so many
  std::string origin;
  std::vector<std::string> keys;  // that have signed, the first one first
  bool trusted = false;           // the last of them is a key that was given, or follows from one
  std::uint64_t checkpoints = 0;
  std::uint64_t signed_records = 0;             // under the last checkpoint that holds
  std::optional<WallTime> signed_at;            // when it said so
  std::chrono::nanoseconds longest_silence{0};  // between two checkpoints
  std::uint64_t silence_ends = 0;               // the number of the second
  std::vector<Problem> problems;                // the first kMostProblems
  std::uint64_t problem_count = 0;
};

class LogCheck {
 public:
  explicit LogCheck(std::span<const proof::NoteVerifier> trusted) : keys_(trusted) {}

  // Before anything else: the first records are no longer there, and `end` is what the log says of
  // their tree. That is proven by the first checkpoint behind them that holds; without one, and
  // without a record that says that they were to be deleted, the report has a problem.
  void begin(proof::Frontier end);
  // One of them that was kept, with its proof in that tree; before the first add(), in order.
  std::optional<audit::Parsed> add_kept(std::uint64_t number, std::string_view record,
                                        const proof::Proof& proof);

  // Gives back what the record says, if it can be read.
  std::optional<audit::Parsed> add(std::string_view record);
  // Something that whoever reads the records has found besides.
  void problem(std::uint64_t record, std::string what);

  const proof::Frontier& tree() const { return tree_; }
  LogReport report() const;

 private:
  void check_number(const audit::Parsed& parsed);
  void check(std::uint64_t number, const audit::Record& record);
  void check(const audit::Checkpoint& checkpoint);
  void check(const audit::Retention& retention);
  void note_unreadable(std::string_view detail);

  KeyChain keys_;
  proof::Frontier tree_;
  proof::Frontier deleted_;         // what the tree began with
  std::uint64_t said_deleted_ = 0;  // by records that are there
  LogReport report_;
  std::map<std::string, std::uint64_t> last_seq_;  // of each writer
  std::string excused_;                            // the hole that the record before has told of
  std::optional<std::string> doubt_;  // about the record before, unless this one tells of it
};

}  // namespace veilwire::evidence
