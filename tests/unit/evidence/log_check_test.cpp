#include "userspace/evidence/log_check.h"

#include "tests/unit/evidence/made_log.h"
#include "userspace/crypto/encoding.h"

#include <gmock/gmock.h>

namespace veilwire::evidence {
namespace {

using testing::HasSubstr;

LogReport check(const MadeLog& log, std::span<const proof::NoteVerifier> trusted = {}) {
  LogCheck check(trusted);
  for (const std::string& record : log.records) (void)check.add(record);
  return check.report();
}

std::string first_problem(const LogReport& report) {
  return report.problems.empty()
             ? ""
             : std::to_string(report.problems[0].record) + " " + report.problems[0].what;
}

class LogCheckTest : public testing::Test {
 protected:
  LogCheckTest() {
    log_.state_key(key_);
    log_.say(5);
    log_.sign(key_, 60);
    log_.say(7);
    log_.sign(key_, 180);
    log_.sign(key_, 240);
    log_.say(2);
  }
  const proof::NoteSigner key_ = made_key();
  MadeLog log_;
};

TEST_F(LogCheckTest, SaysWhatIsProven) {
  const std::vector<proof::NoteVerifier> trusted = [this] {
    std::vector<proof::NoteVerifier> keys;
    keys.push_back(key_.verifier());
    return keys;
  }();
  const LogReport report = check(log_, trusted);
  EXPECT_EQ(first_problem(report), "");
  EXPECT_EQ(report.records, log_.records.size());
  EXPECT_EQ(report.root, log_.tree.root());
  EXPECT_EQ(report.origin, kMadeOrigin);
  EXPECT_EQ(report.checkpoints, 3U);
  EXPECT_EQ(report.signed_records, log_.records.size() - 3);
  EXPECT_EQ(report.signed_at->since_epoch, std::chrono::seconds(240));
  EXPECT_EQ(report.longest_silence, std::chrono::seconds(120));
  EXPECT_EQ(report.silence_ends, 15U);
  EXPECT_EQ(report.keys, std::vector{key_.verifier().to_string()});
  EXPECT_TRUE(report.trusted);
  EXPECT_FALSE(check(log_).trusted);
}

TEST_F(LogCheckTest, NoticesEveryChangeBeforeACheckpoint) {
  for (std::size_t i = 0; i + 3 < log_.records.size(); ++i) {
    MadeLog changed = log_;
    // A digit of the record's time: still a record, and nothing else about it has changed.
    const std::size_t at = changed.records[i].find("t_mono_us") + 12;
    changed.records[i][at] = changed.records[i][at] == '1' ? '2' : '1';
    EXPECT_GT(check(changed).problem_count, 0U) << i;
    MadeLog removed = log_;
    removed.records.erase(removed.records.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_GT(check(removed).problem_count, 0U) << i;
    MadeLog doubled = log_;
    doubled.records.insert(doubled.records.begin() + static_cast<std::ptrdiff_t>(i),
                           doubled.records[i]);
    EXPECT_GT(check(doubled).problem_count, 0U) << i;
    MadeLog swapped = log_;
    std::swap(swapped.records[i], swapped.records[i + 1]);
    EXPECT_GT(check(swapped).problem_count, 0U) << i;
  }
}

TEST_F(LogCheckTest, FollowsAKeyThatTheOneBeforeItHasSigned) {
  const proof::NoteSigner next = made_key();
  log_.state_key(next, &key_);
  log_.sign(next);
  std::vector<proof::NoteVerifier> trusted;
  trusted.push_back(key_.verifier());
  LogReport report = check(log_, trusted);
  EXPECT_EQ(first_problem(report), "");
  EXPECT_TRUE(report.trusted);
  EXPECT_EQ(report.keys.size(), 2U);
  // Whoever has been given the later key alone can trust what it signs.
  trusted.clear();
  trusted.push_back(next.verifier());
  EXPECT_TRUE(check(log_, trusted).trusted);
  // The old key has nothing to say any more.
  log_.sign(key_);
  report = check(log_, trusted);
  EXPECT_THAT(first_problem(report), HasSubstr("signature does not hold"));
}

TEST_F(LogCheckTest, TellsOfAKeyThatCameFromNowhere) {
  const proof::NoteSigner other = made_key();
  log_.state_key(other);
  log_.sign(other);
  std::vector<proof::NoteVerifier> trusted;
  trusted.push_back(key_.verifier());
  const LogReport report = check(log_, trusted);
  EXPECT_THAT(first_problem(report), HasSubstr("the key before it has not signed"));
  EXPECT_EQ(report.problem_count, 1U);
  EXPECT_FALSE(report.trusted);
}

TEST_F(LogCheckTest, TellsOfStatementsThatDoNotCount) {
  const proof::NoteSigner other = made_key();
  MadeLog log = log_;
  log.put(audit::CheckpointKey{.verifier = other.verifier().to_string(), .note = "x"});
  EXPECT_THAT(first_problem(check(log)), HasSubstr("its own key has not signed"));
  log = log_;
  log.state_key(other, &key_, "veilwire/elsewhere");
  EXPECT_THAT(first_problem(check(log)), HasSubstr("another log"));
  MadeLog early;
  early.sign(key_);
  EXPECT_THAT(first_problem(check(early)), HasSubstr("before the first key"));
}

TEST_F(LogCheckTest, ExcusesAHoleThatTheRecorderHasPutOnRecord) {
  MadeLog silent = log_;
  silent.skip("0f");
  silent.say(1);
  EXPECT_THAT(first_problem(check(silent)), HasSubstr("records that are missing"));
  MadeLog told = log_;
  told.skip("0f");
  told.put(audit::Gap{.reason = "records missing",
                      .detail = "writer 0f seq 15 to 15",
                      .action = "pass",
                      .bytes = 0},
           "aa");
  told.say(1);
  EXPECT_EQ(first_problem(check(told)), "");
}

TEST_F(LogCheckTest, ExcusesAnUnreadableRecordThatIsOnRecordAsOne) {
  MadeLog log = log_;
  log.put_bytes("garbage");
  EXPECT_THAT(first_problem(check(log)), HasSubstr("not a JSON object"));
  log.put(audit::Gap{.reason = "unreadable record",
                     .detail = "writer 0f seq 15: not a JSON object",
                     .action = "pass",
                     .bytes = 7},
          "aa");
  log.skip("0f");
  log.say(1);
  EXPECT_EQ(first_problem(check(log)), "");
}

TEST_F(LogCheckTest, KeepsTheFirstProblemsAndCountsAll) {
  LogCheck check({});
  for (int i = 0; i < 500; ++i) (void)check.add("x");
  const LogReport report = check.report();
  EXPECT_EQ(report.problem_count, 500U);
  EXPECT_EQ(report.problems.size(), kMostProblems);
}

// The log behind its first records, of which only the statements of keys are left.
class DeletedLogTest : public LogCheckTest {
 protected:
  static std::string root_of(const proof::Frontier& tree) {
    const proof::Hash root = tree.root();
    return crypto::base64_encode(crypto::as_bytes(root));
  }
  // Says that the first `through` records go, and signs.
  void retire(std::uint64_t through) {
    log_.put(audit::Retention{.through = through,
                              .records = through - 1,
                              .root = root_of(*proof::Frontier::of(through, log_.reader()))},
             "aa");
    log_.sign(key_, 300);
  }
  LogReport check_behind(std::uint64_t bound, const proof::Frontier& end) {
    LogCheck check({});
    check.begin(end);
    (void)check.add_kept(1, log_.records[0], *proof::inclusion_proof(0, bound, log_.reader()));
    for (std::size_t i = bound; i < log_.records.size(); ++i) (void)check.add(log_.records[i]);
    return check.report();
  }
  LogReport check_behind(std::uint64_t bound) {
    return check_behind(bound, *proof::Frontier::of(bound, log_.reader()));
  }
};

TEST_F(DeletedLogTest, HoldsBehindWhateverWasDeleted) {
  retire(10);
  for (std::uint64_t bound = 1; bound <= 10; ++bound) {
    const LogReport report = check_behind(bound);
    EXPECT_EQ(first_problem(report), "") << bound;
    EXPECT_EQ(report.deleted_through, bound);
    EXPECT_EQ(report.kept, 1U);
    EXPECT_EQ(report.records, log_.records.size());
    EXPECT_EQ(report.root, log_.tree.root());
  }
}

TEST_F(DeletedLogTest, OtherRecordsThanThoseThatWereSignedDoNotCount) {
  retire(10);
  MadeLog other;
  other.state_key(key_);
  other.say(20);
  EXPECT_THAT(first_problem(check_behind(10, *proof::Frontier::of(10, other.reader()))),
              HasSubstr("was not part of it"));
  LogCheck check({});
  check.begin(*proof::Frontier::of(10, log_.reader()));
  (void)check.add_kept(1, log_.records[0], *proof::inclusion_proof(0, 10, log_.reader()));
  for (std::size_t i = 11; i < log_.records.size(); ++i) (void)check.add(log_.records[i]);
  EXPECT_GT(check.report().problem_count, 0U) << "one more is missing";
}

TEST_F(DeletedLogTest, DeletingMustHaveBeenSaid) {
  retire(10);
  EXPECT_THAT(first_problem(check_behind(11)), HasSubstr("no record says that they were to be"));
}

TEST_F(DeletedLogTest, ARecordThatNamesAnotherRootShows) {
  log_.put(audit::Retention{.through = 10, .records = 9, .root = root_of(log_.tree)}, "aa");
  log_.sign(key_, 300);
  EXPECT_THAT(first_problem(check_behind(10)), HasSubstr("other records are deleted"));
}

TEST_F(DeletedLogTest, WithoutACheckpointBehindThemNothingIsProven) {
  log_.put(
      audit::Retention{
          .through = 16, .records = 9, .root = root_of(*proof::Frontier::of(16, log_.reader()))},
      "aa");
  EXPECT_THAT(first_problem(check_behind(16)), HasSubstr("no checkpoint that is left"));
}

}  // namespace
}  // namespace veilwire::evidence
