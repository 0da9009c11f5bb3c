#include "userspace/evidence/witnessed_log.h"

#include "tests/unit/evidence/made_log.h"

#include <algorithm>

#include <gmock/gmock.h>

namespace veilwire::evidence {
namespace {

using testing::HasSubstr;
using Verifiers = std::vector<proof::NoteVerifier>;

WitnessedLog unknown() {
  WitnessedLog log;
  log.origin = kMadeOrigin;
  return log;
}

std::vector<std::string_view> views(const std::vector<std::string>& records) {
  return {records.begin(), records.end()};
}

Result<Growth, Contradiction> grow_all(const MadeLog& log,
                                       std::span<const proof::NoteVerifier> pins = {}) {
  return grow(unknown(), pins, views(log.records));
}

std::string contradiction(const MadeLog& log, std::span<const proof::NoteVerifier> pins = {}) {
  const auto grown = grow_all(log, pins);
  return grown ? "" : std::to_string(grown.error().record) + " " + grown.error().what;
}

void expect_same(const WitnessedLog& a, const WitnessedLog& b) {
  EXPECT_EQ(a.end.size(), b.end.size());
  EXPECT_EQ(frontier_bytes(a.end), frontier_bytes(b.end));
  EXPECT_EQ(a.key, b.key);
  EXPECT_EQ(a.is_trusted, b.is_trusted);
  ASSERT_EQ(a.checkpoint.has_value(), b.checkpoint.has_value());
  if (a.checkpoint) {
    EXPECT_EQ(a.checkpoint->note, b.checkpoint->note);
  }
}

class WitnessedLogTest : public testing::Test {
 protected:
  WitnessedLogTest() {
    log_.say(1);  // from before there were keys
    log_.state_key(key_);
    log_.say(4);
    log_.put_bytes("no record \n at all");
    log_.sign(key_, 60);
    log_.say(3);
    log_.state_key(next_, &key_);
    log_.sign(next_, 120);
    log_.say(2);
    log_.sign(next_, 180);
    log_.say(1);
    pins_.push_back(key_.verifier());
  }
  const proof::NoteSigner key_ = made_key(), next_ = made_key();
  MadeLog log_;
  Verifiers pins_;
};

TEST_F(WitnessedLogTest, KnowsWhatTheLogIsAndWhatOfItIsSigned) {
  const auto grown = grow_all(log_, pins_);
  ASSERT_TRUE(grown);
  const WitnessedLog& log = grown->after;
  EXPECT_EQ(log.end.size(), log_.records.size());
  EXPECT_EQ(log.end.root(), log_.tree.root());
  EXPECT_EQ(log.key, next_.verifier().to_string());
  EXPECT_TRUE(log.is_trusted);
  EXPECT_TRUE(grown->has_checkpoint);
  EXPECT_EQ(log.checkpoint->size, log_.records.size() - 2);
  EXPECT_EQ(log.checkpoint->signed_at->since_epoch, std::chrono::seconds(180));
  ASSERT_EQ(grown->leaves.size(), log_.records.size());
  EXPECT_EQ(grown->leaves[3], proof::leaf_hash(log_.records[3]));
  EXPECT_FALSE(grown->parsed[6]);
  EXPECT_EQ(audit::kind(grown->parsed[7]->record), "checkpoint");
  EXPECT_FALSE(grow_all(log_)->after.is_trusted);
}

TEST_F(WitnessedLogTest, IsTheSameHoweverTheRecordsAreCutIntoBatches) {
  const auto all = views(log_.records);
  const WitnessedLog whole = grow(unknown(), pins_, all)->after;
  WitnessedLog one_by_one = unknown();
  for (const std::string_view record : all) {
    const auto grown = grow(one_by_one, pins_, std::span(&record, 1));
    ASSERT_TRUE(grown);
    one_by_one = grown->after;
  }
  expect_same(one_by_one, whole);
  for (std::size_t first = 0; first <= all.size(); ++first) {
    for (std::size_t second = first; second <= all.size(); ++second) {
      WitnessedLog log = unknown();
      const std::span rest(all);
      for (const auto& part :
           {rest.first(first), rest.subspan(first, second - first), rest.subspan(second)}) {
        const auto grown = grow(log, pins_, part);
        ASSERT_TRUE(grown) << first << " " << second;
        log = grown->after;
        // As it comes back from a store.
        log.end = *read_frontier(log.end.size(), frontier_bytes(log.end));
      }
      expect_same(log, whole);
    }
  }
}

TEST_F(WitnessedLogTest, NoticesEveryChangeByTheNextCheckpoint) {
  // Behind the last checkpoint stands one record, and the checkpoint's own.
  for (std::size_t i = 0; i + 2 < log_.records.size(); ++i) {
    const auto at = static_cast<std::ptrdiff_t>(i);
    MadeLog changed = log_;
    std::string& record = changed.records[i];
    const std::size_t digit = record.find("t_mono_us");
    if (digit == record.npos) {
      record[0] = 'N';
    } else {
      record[digit + 12] = record[digit + 12] == '1' ? '2' : '1';
    }
    EXPECT_NE(contradiction(changed), "") << i;
    MadeLog removed = log_;
    removed.records.erase(removed.records.begin() + at);
    EXPECT_NE(contradiction(removed), "") << i;
    MadeLog doubled = log_;
    doubled.records.insert(doubled.records.begin() + at, doubled.records[i]);
    EXPECT_NE(contradiction(doubled), "") << i;
    MadeLog swapped = log_;
    std::swap(swapped.records[i], swapped.records[i + 1]);
    EXPECT_NE(contradiction(swapped), "") << i;
  }
}

TEST_F(WitnessedLogTest, IsNotChangedByWhatItRefuses) {
  MadeLog changed = log_;
  changed.records[3] = changed.records[2];
  const auto all = views(changed.records);
  const WitnessedLog before = grow(unknown(), {}, std::span(all).first(5))->after;
  const auto refused = grow(before, {}, std::span(all).subspan(5));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().record, 8U);
  EXPECT_THAT(refused.error().what, HasSubstr("other records than the ones before it"));
  EXPECT_EQ(before.end.size(), 5U);
}

TEST_F(WitnessedLogTest, RefusesCheckpointsOfOtherSizesLogsAndKeys) {
  MadeLog log = log_;
  const proof::Note early = log.checkpoint(next_);
  log.say(1);
  log.put(audit::Checkpoint{.note = to_string(early)}, "aa");
  EXPECT_THAT(contradiction(log), HasSubstr("records behind"));
  log = log_;
  log.sign(key_);  // which has been replaced
  EXPECT_THAT(contradiction(log), HasSubstr("signature does not hold"));
  log = log_;
  log.put(audit::Checkpoint{.note = "x"}, "aa");
  EXPECT_THAT(contradiction(log), HasSubstr("no signed note"));
  MadeLog keyless;
  keyless.sign(key_);
  EXPECT_THAT(contradiction(keyless), HasSubstr("before the first key"));
  MadeLog other;
  other.state_key(key_, nullptr, "veilwire/elsewhere");
  EXPECT_THAT(contradiction(other), HasSubstr("another log"));
}

TEST_F(WitnessedLogTest, RefusesAFirstKeyThatIsNotPinned) {
  Verifiers others;
  others.push_back(next_.verifier());
  EXPECT_THAT(contradiction(log_, others), HasSubstr("not one of those configured"));
}

TEST_F(WitnessedLogTest, RefusesAKeyThatCameFromNowhereUnlessAnOperatorVouchesForIt) {
  const proof::NoteSigner lost = made_key();
  log_.state_key(lost);
  log_.sign(lost);
  EXPECT_THAT(contradiction(log_, pins_), HasSubstr("the key before it has not signed"));
  EXPECT_THAT(contradiction(log_), HasSubstr("the key before it has not signed"));
  pins_.push_back(lost.verifier());
  const auto grown = grow_all(log_, pins_);
  ASSERT_TRUE(grown);
  EXPECT_TRUE(grown->after.is_trusted);
  EXPECT_EQ(grown->after.key, lost.verifier().to_string());
  // Nobody can vouch for what the key itself has not signed, or for another log's.
  MadeLog forged = log_;
  forged.put(audit::CheckpointKey{.verifier = key_.verifier().to_string(), .note = "x"}, "aa");
  EXPECT_THAT(contradiction(forged, pins_), HasSubstr("its own key has not signed"));
  log_.state_key(key_, &lost, "veilwire/elsewhere");
  EXPECT_THAT(contradiction(log_, pins_), HasSubstr("another log"));
}

TEST_F(WitnessedLogTest, ReadsNoEndThatIsNone) {
  const std::string bytes = frontier_bytes(log_.tree);
  EXPECT_TRUE(read_frontier(log_.records.size(), bytes));
  EXPECT_FALSE(read_frontier(log_.records.size(), bytes.substr(1)));
  EXPECT_FALSE(read_frontier(log_.records.size(), bytes + "x"));
  EXPECT_FALSE(read_frontier(2 * log_.records.size() + 1, bytes));
}

}  // namespace
}  // namespace veilwire::evidence
