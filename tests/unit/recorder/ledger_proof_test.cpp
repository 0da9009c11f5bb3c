// What the ledger signs, judged by who verifies it and by nothing of the recorder's own.
#include "agent/recorder/checkpoint_keys.h"
#include "agent/recorder/log_tree.h"
#include "tests/unit/recorder/faulty_disk.h"
#include "tests/unit/recorder/ledger_fixture.h"
#include "userspace/evidence/log_check.h"

#include <fstream>

namespace veilwire::recorder {
namespace {

class LedgerProofTest : public testing::Test {
 protected:
  LedgerOptions options() const {
    LedgerOptions options = options_for(path_);
    options.checkpoint_key = folder_ / "checkpoint.key";
    return options;
  }
  evidence::LogReport check() const {
    evidence::LogCheck check({});
    LedgerReader(path_).all_records(0, [&](const LedgerReader::StoredRecord& record) {
      (void)check.add(record.bytes);
      return true;
    });
    return check.report();
  }
  static std::string problems(const evidence::LogReport& report) {
    std::string out;
    for (const evidence::Problem& problem : report.problems)
      out += std::to_string(problem.record) + " " + problem.what + "\n";
    return out;
  }

  const TemporaryFolder folder_;
  const std::string path_ = folder_ / "ledger.db";
  const WriterId a_ = writer_id(1);
};

TEST_F(LedgerProofTest, SignsEverythingBeforeACheckpoint) {
  {
    Ledger ledger(options());
    ASSERT_TRUE(ledger.sign());
    ASSERT_TRUE(ledger.commit(std::vector{fragment(a_, 1), fragment(a_, 2), fragment(a_, 4)}));
    ASSERT_TRUE(ledger.sign());
  }
  Ledger ledger(options());
  ASSERT_TRUE(ledger.commit(std::vector{fragment(a_, 5)}));
  ASSERT_TRUE(ledger.sign());
  const evidence::LogReport report = check();
  EXPECT_EQ(problems(report), "");
  EXPECT_EQ(report.checkpoints, 3U);
  EXPECT_EQ(report.keys.size(), 1U);
  EXPECT_EQ(report.records, ledger.records());
  EXPECT_EQ(report.signed_records, ledger.records() - 1);
  EXPECT_TRUE(report.origin.starts_with("veilwire/3f6c1d0e/")) << report.origin;
}

// A clock that is set proves nothing and breaks nothing: the order is that of the log.
TEST_F(LedgerProofTest, HoldsWhateverTheClockDoes) {
  using std::chrono::hours;
  std::chrono::nanoseconds jump{0};
  LedgerOptions jumping = options();
  jumping.now = [&jump] {
    Now now = audit::sample(audit::Gap{}).time;
    now.wall.since_epoch += jump;
    return now;
  };
  std::uint64_t seq = 0;
  {
    Ledger ledger(jumping);
    for (const auto to : {hours(0), hours(24 * 365), hours(-24 * 365), hours(-1), hours(1)}) {
      jump = to;
      audit::Record record = audit::sample(audit::UpstreamError{.reason = "slow"}, 1);
      record.time = jumping.now();
      ASSERT_TRUE(ledger.commit(std::vector{arrival(a_, ++seq, record)}));
      ASSERT_TRUE(ledger.sign());
    }
  }
  const evidence::LogReport report = check();
  EXPECT_EQ(problems(report), "");
  EXPECT_EQ(report.checkpoints, 5U);
  EXPECT_EQ(report.signed_records, report.records - 1);
}

TEST_F(LedgerProofTest, KeepsTheHashOfEverySubtree) {
  Ledger ledger(options());
  std::uint64_t seq = 0;
  for (int batch = 0; batch < 20; ++batch) {
    std::vector<Arrival> arrivals;
    for (int i = 0; i <= batch; ++i) arrivals.push_back(fragment(a_, ++seq));
    ASSERT_TRUE(ledger.commit(arrivals));
  }
  Database database(path_, Database::Mode::ReadOnly);
  Statement find(database, kFindSubtree);
  proof::Frontier tree;
  std::uint64_t hashes = 0;
  for (const std::string& bytes : all_bytes(path_)) {
    tree.append(proof::leaf_hash(bytes), [&](proof::SubtreeId id, const proof::Hash& hash) {
      EXPECT_EQ(read_subtree(find, id), hash);
      ++hashes;
    });
  }
  EXPECT_EQ(tree.size(), seq);
  EXPECT_EQ(static_cast<std::uint64_t>(database.integer("SELECT count(*) FROM tree")), hashes);
}

TEST_F(LedgerProofTest, ForgetsWithATransactionWhatItHashed) {
  LedgerOptions faulty = options();
  faulty.vfs = FaultyDisk::kName;
  faulty.reserved_bytes = 0;
  FaultyDisk disk;
  {
    Ledger ledger(faulty);
    ASSERT_TRUE(ledger.commit(std::vector{fragment(a_, 1)}));
    disk.arm(FaultyDisk::Fault::DiskFull, 1);
    // Rolled back, and done again from the reserve.
    ASSERT_TRUE(ledger.commit(std::vector{fragment(a_, 2), fragment(a_, 3)}));
    EXPECT_TRUE(disk.fired());
    ASSERT_TRUE(ledger.sign());
  }
  EXPECT_EQ(problems(check()), "");
}

TEST_F(LedgerProofTest, ChangesItsKeyWithTheWordOfBoth) {
  {
    Ledger ledger(options());
    ASSERT_TRUE(ledger.sign());
    CheckpointKeys(options().checkpoint_key).make_next();
    ASSERT_TRUE(ledger.sign());
    ASSERT_TRUE(ledger.sign());
  }
  const evidence::LogReport report = check();
  EXPECT_EQ(problems(report), "");
  EXPECT_EQ(report.keys.size(), 2U);
  EXPECT_EQ(report.checkpoints, 3U);
}

TEST_F(LedgerProofTest, TakesAKeyThatWasStatedBeforeACrashCameBetween) {
  const std::string key = options().checkpoint_key;
  std::string old;
  {
    Ledger ledger(options());
    ASSERT_TRUE(ledger.sign());
    std::ifstream in(key);
    old.assign(std::istreambuf_iterator<char>(in), {});
    CheckpointKeys(key).make_next();
    ASSERT_TRUE(ledger.sign());
  }
  std::filesystem::rename(key, key + ".next");
  std::ofstream(key) << old;
  std::filesystem::permissions(key, std::filesystem::perms::owner_read);
  {
    Ledger ledger(options());
    ASSERT_TRUE(ledger.sign());
    EXPECT_FALSE(std::filesystem::exists(key + ".next"));
  }
  EXPECT_EQ(problems(check()), "");
  EXPECT_EQ(check().keys.size(), 2U);
}

TEST_F(LedgerProofTest, SaysItWhereItsKeyHasGone) {
  {
    Ledger ledger(options());
    ASSERT_TRUE(ledger.sign());
  }
  std::filesystem::remove(options().checkpoint_key);
  Ledger ledger(options());
  ASSERT_TRUE(ledger.sign());
  EXPECT_NE(problems(check()).find("the key before it has not signed"), std::string::npos);
}

TEST_F(LedgerProofTest, DoesNotOpenWithoutAKeyThatItCanRead) {
  std::ofstream(options().checkpoint_key) << "not a key";
  EXPECT_THROW(Ledger{options()}, std::runtime_error);
}

TEST_F(LedgerProofTest, HashesWhatAnEarlierVersionHasWritten) {
  const auto body = audit::sample(
      audit::RequestBody{.offset = 0, .content = std::string(5000, 'x'), .masks = {}});
  {
    Ledger ledger(options());
    ASSERT_TRUE(ledger.commit(
        std::vector{fragment(a_, 1), arrival(a_, 2, body), arrival(a_, 3, body), fragment(a_, 4)}));
  }
  {
    Database database(path_, Database::Mode::Create);
    database.execute("DROP TRIGGER tree_stay; DELETE FROM tree WHERE place * (1 << level) >= 2");
    database.execute("DELETE FROM tree WHERE level > 1");
  }
  {
    Ledger ledger(options());
    EXPECT_EQ(ledger.records(), 4U);
    ASSERT_TRUE(ledger.sign());
  }
  EXPECT_EQ(problems(check()), "");
}

TEST_F(LedgerProofTest, HashesAnEarlierLedgerInPortions) {
  {
    Ledger ledger(options());
    std::vector<Arrival> batch;
    for (std::uint64_t seq = 1; seq <= 20'010; ++seq) batch.push_back(fragment(a_, seq));
    ASSERT_TRUE(ledger.commit(batch));
  }
  Database(path_, Database::Mode::Create).execute("DROP TRIGGER tree_stay; DELETE FROM tree");
  {
    Ledger ledger(options());
    EXPECT_EQ(ledger.records(), 20'010U);
    ASSERT_TRUE(ledger.sign());
  }
  EXPECT_EQ(problems(check()), "");
}

TEST_F(LedgerProofTest, DoesNotOpenATreeWithAHole) {
  {
    Ledger ledger(options());
    ASSERT_TRUE(ledger.commit(std::vector{fragment(a_, 1), fragment(a_, 2)}));
  }
  Database(path_, Database::Mode::Create)
      .execute("DROP TRIGGER tree_stay; DELETE FROM tree WHERE level = 1");
  EXPECT_THROW(Ledger{options()}, SqliteError);
}

}  // namespace
}  // namespace veilwire::recorder
