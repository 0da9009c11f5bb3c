// A disk that something else fills, as a small tmpfs in a mount namespace of its own.
#include "agent/recorder/committer.h"
#include "agent/recorder/disk_reserve.h"
#include "tests/unit/recorder/ledger_fixture.h"

#include <condition_variable>
#include <fstream>
#include <functional>
#include <mutex>

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::recorder {
namespace {

constexpr std::uint64_t kReserve = 2 << 20;

// Runs `test` in a child with a disk of 24 MiB at `folder`.
void on_small_disk(const std::function<void(const std::string& folder)>& test) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: mounting a small disk needs root";
  const TemporaryFolder folder;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=24m") != 0)
      ::_exit(77);
    test(folder.path());
    ::_exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "SKIPPED: no mount namespace here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

LedgerOptions small_options(const std::string& path) {
  LedgerOptions options = options_for(path);
  options.reserved_bytes = kReserve;
  return options;
}

// Somebody else's file: everything that is left.
void fill(const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  const std::string block(4096, 'x');
  while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) continue;
}

TEST(FullDisk, TakesWhatHasBegunThenRefusesThenGoesOn) {
  on_small_disk([](const std::string& folder) {
    const std::string path = folder + "/ledger.db";
    Ledger ledger(small_options(path));
    ASSERT_TRUE(ledger.commit(std::vector{fragment(writer_id(1), 1)}));
    EXPECT_TRUE(ledger.has_space());
    fill(folder + "/other");

    std::uint64_t seq = 1;
    while (ledger.commit(std::vector{fragment(writer_id(1), seq + 1, 10'000)})) {
      ++seq;
      ASSERT_LT(seq, 5000U);
    }
    // What the reserve holds stands in the log and then in the database, too.
    EXPECT_GT(seq * 10'000, kReserve / 4);
    EXPECT_FALSE(ledger.has_space());
    EXPECT_EQ(*ledger.committed(writer_id(1)), seq);
    const auto again = ledger.commit(std::vector{fragment(writer_id(1), seq + 1, 10'000)});
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error(), LedgerError::Full);
    EXPECT_EQ(all_bytes(path).size(), seq);

    std::filesystem::remove(folder + "/other");
    EXPECT_TRUE(ledger.has_space());
    EXPECT_TRUE(ledger.commit(std::vector{fragment(writer_id(1), seq + 1)}));
    EXPECT_EQ(all_bytes(path).size(), seq + 1);
  });
}

TEST(FullDisk, DoesNotKeepALedgerFromBeingOpened) {
  on_small_disk([](const std::string& folder) {
    const std::string path = folder + "/ledger.db";
    std::vector<Arrival> batch;
    for (std::uint64_t seq = 1; seq <= 100; ++seq)
      batch.push_back(fragment(writer_id(1), seq, 10'000));
    {
      LedgerOptions options = small_options(path);
      options.checkpoint_pages = 100'000;
      Ledger ledger(options);
      ASSERT_TRUE(ledger.commit(batch));
      // As a crash leaves it: the log still to be moved, for which there is no space.
      std::filesystem::copy_file(path + "-wal", folder + "/wal");
      std::filesystem::copy_file(path, folder + "/db");
    }
    std::filesystem::rename(folder + "/wal", path + "-wal");
    std::filesystem::rename(folder + "/db", path);
    fill(folder + "/other");
    Ledger ledger(small_options(path));
    EXPECT_FALSE(ledger.has_space());
    EXPECT_EQ(*ledger.committed(writer_id(1)), 100U);
    EXPECT_TRUE(ledger.commit(std::vector{fragment(writer_id(1), 101)}));
  });
}

TEST(FullDisk, IsReportedAndOvercomeByTheCommitter) {
  on_small_disk([](const std::string& folder) {
    const std::string path = folder + "/ledger.db";
    std::mutex mutex;
    std::condition_variable news;
    std::uint64_t wakes = 0;
    Committer committer([&] { return Ledger(small_options(path)); },
                        [&] {
                          const std::lock_guard lock(mutex);
                          ++wakes;
                          news.notify_all();
                        });
    committer.wait_until_open();
    using host::protocol::RecorderStatus;
    std::uint64_t committed = 0;
    const auto wait_for = [&](const std::function<bool()>& condition) {
      std::unique_lock lock(mutex);
      return news.wait_for(lock, std::chrono::seconds(60), [&] {
        for (const Notice& notice : committer.take()) committed = notice.committed;
        return condition();
      });
    };
    fill(folder + "/other");
    constexpr std::uint64_t kRecords = 500;  // 5 MB: more than the reserve
    for (std::uint64_t seq = 1; seq <= kRecords; ++seq)
      committer.submit(fragment(writer_id(1), seq, 10'000));
    EXPECT_TRUE(wait_for([&] { return committer.status() == RecorderStatus::UsedUp; }));
    EXPECT_LT(committed, kRecords);
    std::filesystem::remove(folder + "/other");
    EXPECT_TRUE(wait_for(
        [&] { return committed == kRecords && committer.status() == RecorderStatus::Ok; }));
    EXPECT_EQ(all_bytes(path).size(), kRecords);
  });
}

TEST(DiskReserve, ComesAndGoesWithTheSpaceThereIs) {
  on_small_disk([](const std::string& folder) {
    DiskReserve reserve(folder + "/reserve", 8 << 20);
    EXPECT_FALSE(reserve.held());
    EXPECT_TRUE(reserve.acquire());
    EXPECT_EQ(std::filesystem::file_size(folder + "/reserve"), 8U << 20);
    reserve.release();
    EXPECT_EQ(std::filesystem::file_size(folder + "/reserve"), 0U);
    fill(folder + "/other");
    EXPECT_TRUE(reserve.disk_is_full());
    EXPECT_FALSE(reserve.acquire());
    EXPECT_FALSE(reserve.held());
    DiskReserve none(folder + "/none", 0);
    EXPECT_TRUE(none.acquire());
  });
}

}  // namespace
}  // namespace veilwire::recorder
