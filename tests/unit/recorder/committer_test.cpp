#include "agent/recorder/committer.h"

#include "tests/unit/recorder/faulty_disk.h"
#include "tests/unit/recorder/ledger_fixture.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

namespace veilwire::recorder {
namespace {

// Waits for notices on the test's thread; the bound is only there so that a fault ends the test.
class Listener {
 public:
  std::function<void()> ready() {
    return [this] {
      const std::lock_guard lock(mutex_);
      news_.notify_all();
    };
  }
  bool wait(Committer& committer, const std::function<bool()>& condition) {
    std::unique_lock lock(mutex_);
    return news_.wait_for(lock, std::chrono::seconds(60), [&] {
      for (const Notice& notice : committer.take()) said[notice.writer] = notice;
      return condition();
    });
  }
  std::map<WriterId, Notice> said;

 private:
  std::mutex mutex_;
  std::condition_variable news_;
};

TEST(Committer, CommitsEverythingInOrderAndSaysSo) {
  const TemporaryFolder folder;
  Listener listener;
  std::vector<std::string> expected;
  {
    Committer committer([&] { return Ledger(options_for(folder / "ledger.db")); },
                        listener.ready());
    committer.wait_until_open();
    for (std::uint64_t seq = 1; seq <= 3000; ++seq) {
      committer.submit(fragment(writer_id(1), seq));
      expected.push_back(fragment(writer_id(1), seq).bytes);
    }
    EXPECT_TRUE(
        listener.wait(committer, [&] { return listener.said[writer_id(1)].committed == 3000; }));
    EXPECT_FALSE(committer.busy());
    committer.greet(writer_id(2));
    committer.greet(writer_id(1));
    listener.said.clear();
    EXPECT_TRUE(listener.wait(committer, [&] { return listener.said.size() == 2; }));
    EXPECT_EQ(listener.said[writer_id(1)].committed, 3000U);
    EXPECT_EQ(listener.said[writer_id(2)].committed, 0U);
  }
  EXPECT_EQ(all_bytes(folder / "ledger.db"), expected);
}

// Whoever waits for the end of what writers have sent is told of that, and of nothing else.
TEST(Committer, IsNotBusyWhileItOnlySigns) {
  const TemporaryFolder folder;
  Committer committer([&] { return Ledger(options_for(folder / "ledger.db")); }, [] {},
                      {.records = 1, .interval = std::chrono::nanoseconds(0)});
  committer.wait_until_open();
  while (committer.health().checkpoints < 20) EXPECT_FALSE(committer.busy());
}

TEST(Committer, CommitsWhatItHasBeforeItEnds) {
  const TemporaryFolder folder;
  {
    Committer committer([&] { return Ledger(options_for(folder / "ledger.db")); }, [] {});
    committer.wait_until_open();
    for (std::uint64_t seq = 1; seq <= 100; ++seq) committer.submit(fragment(writer_id(1), seq));
  }
  EXPECT_EQ(all_bytes(folder / "ledger.db").size(), 100U);
}

TEST(Committer, PassesOnWhyTheLedgerCannotBeOpened) {
  const TemporaryFolder folder;
  Committer committer([&] { return Ledger(options_for(folder / "no/such/folder.db")); }, [] {});
  EXPECT_THROW(committer.wait_until_open(), SqliteError);
}

TEST(Committer, OpensABrokenLedgerAgainAndKeepsTheOrder) {
  const TemporaryFolder folder;
  Listener listener;
  FaultyDisk disk;
  LedgerOptions options = options_for(folder / "ledger.db");
  options.vfs = FaultyDisk::kName;
  options.reserved_bytes = 0;
  std::uint64_t opened = 0;
  std::vector<std::string> expected;
  {
    Committer committer(
        [&] {
          Ledger ledger(options);
          // Twice it opens and then fails at the first sync; what it has taken goes into the third.
          if (++opened <= 2) disk.arm(FaultyDisk::Fault::SyncError, 1);
          return ledger;
        },
        listener.ready());
    committer.wait_until_open();
    for (std::uint64_t seq = 1; seq <= 50; ++seq) {
      committer.submit(fragment(writer_id(1), seq));
      expected.push_back(fragment(writer_id(1), seq).bytes);
    }
    EXPECT_TRUE(listener.wait(committer, [&] {
      return listener.said[writer_id(1)].committed == 50 &&
             committer.status() == host::protocol::RecorderStatus::Ok;
    }));
  }
  EXPECT_EQ(opened, 3U);
  EXPECT_EQ(all_bytes(folder / "ledger.db"), expected);
}

// The kinds of all records, for how checkpoints stand among them.
std::vector<std::string> kinds(const std::string& path) {
  std::vector<std::string> out;
  LedgerReader(path).all_records(0, [&](const LedgerReader::StoredRecord& record) {
    out.push_back(record.kind);
    return true;
  });
  return out;
}

TEST(Committer, SignsAtItsStartAfterEnoughRecordsAndAtItsEnd) {
  const TemporaryFolder folder;
  LedgerOptions options = options_for(folder / "ledger.db");
  options.checkpoint_key = folder / "checkpoint.key";
  Listener listener;
  {
    Committer committer([&] { return Ledger(options); }, listener.ready(),
                        {.records = 10, .interval = std::chrono::hours(1)});
    committer.wait_until_open();
    for (std::uint64_t seq = 1; seq <= 30; ++seq) {
      committer.submit(fragment(writer_id(1), seq));
      EXPECT_TRUE(
          listener.wait(committer, [&] { return listener.said[writer_id(1)].committed == seq; }));
    }
    EXPECT_EQ(committer.health().checkpoints, 4U);
    EXPECT_EQ(committer.health().signed_records, committer.health().ledger_records);
  }
  const auto stored = kinds(options.path);
  EXPECT_EQ(std::count(stored.begin(), stored.end(), "checkpoint"), 5);
  EXPECT_EQ(stored.back(), "checkpoint");
}

TEST(Committer, SignsSilence) {
  const TemporaryFolder folder;
  LedgerOptions options = options_for(folder / "ledger.db");
  options.checkpoint_key = folder / "checkpoint.key";
  Committer committer([&] { return Ledger(options); }, [] {},
                      {.records = 1000, .interval = std::chrono::milliseconds(1)});
  committer.wait_until_open();
  while (committer.health().checkpoints < 5) std::this_thread::yield();
}

}  // namespace
}  // namespace veilwire::recorder
