// The disk fails at every single operation in turn. Afterwards nothing that was acknowledged is
// missing, nothing is there twice, order is kept: on the disk as the kernel shows it and on the
// disk as a loss of power would leave it.
#include "tests/unit/recorder/faulty_disk.h"
#include "tests/unit/recorder/ledger_fixture.h"

#include <csignal>
#include <fstream>
#include <optional>

#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::recorder {
namespace {

using Fault = FaultyDisk::Fault;

constexpr std::size_t kBatches = 10;
constexpr std::size_t kBatchRecords = 3;

std::vector<Arrival> batch(std::size_t n) {
  std::vector<Arrival> out;
  for (std::uint64_t i = 1; i <= kBatchRecords; ++i)
    out.push_back(fragment(writer_id(1), n * kBatchRecords + i, 3000));
  return out;
}

LedgerOptions faulty_options(const std::string& path) {
  LedgerOptions options = options_for(path);
  options.vfs = FaultyDisk::kName;
  options.reserved_bytes = 0;
  options.checkpoint_pages = 12;  // so that checkpoints fail, too
  return options;
}

std::vector<std::string> expected(std::size_t batches) {
  std::vector<std::string> out;
  for (std::size_t n = 0; n < batches; ++n) {
    for (const Arrival& a : batch(n)) out.push_back(a.bytes);
  }
  return out;
}

// What the committer does: a failure opens the ledger again, the batch is tried until it succeeds.
void drive(const std::string& path, const std::function<void(std::size_t)>& acknowledged) {
  std::optional<Ledger> ledger;
  std::size_t failures = 0;
  for (std::size_t n = 0; n < kBatches;) {
    ASSERT_LT(failures, 5U);
    try {
      if (!ledger) ledger.emplace(faulty_options(path));
    } catch (const SqliteError&) {
      ++failures;
      continue;
    }
    if (const auto done = ledger->commit(batch(n)); done) {
      const auto committed = ledger->committed(writer_id(1));
      if (committed && *committed == (n + 1) * kBatchRecords) {
        acknowledged(++n);
        continue;
      }
      ADD_FAILURE() << "committed without a trace";
    } else if (done.error() == LedgerError::Broken) {
      ledger.reset();
    }
    ++failures;
  }
}

class LedgerFaults : public testing::TestWithParam<Fault> {};

TEST_P(LedgerFaults, LoseNothingAtAnyOperation) {
  std::uint64_t operations = 0;
  for (std::uint64_t nth = 1;; ++nth) {
    const TemporaryFolder folder;
    FaultyDisk disk;
    disk.arm(GetParam(), nth);
    // What is acknowledged must survive a loss of power from that moment on.
    drive(folder / "ledger.db", [&](std::size_t batches) {
      if (!disk.fired()) return;  // seen with the next nth
      const TemporaryFolder synced;
      disk.save_synced(synced.path());
      const auto stored = all_bytes(synced / "ledger.db");
      EXPECT_EQ(stored, expected(batches)) << "operation " << nth << ", batch " << batches;
    });
    EXPECT_EQ(all_bytes(folder / "ledger.db"), expected(kBatches)) << "operation " << nth;
    if (HasFailure() || !disk.fired()) break;
    operations = nth;
  }
  EXPECT_GT(operations, 20U);
}

INSTANTIATE_TEST_SUITE_P(Disk, LedgerFaults,
                         testing::Values(Fault::WriteError, Fault::ShortWrite, Fault::DiskFull,
                                         Fault::SyncError));

// A process that is killed leaves the kernel's view of the disk; a machine without power leaves
// what was synced. Both are opened again and given the rest.
TEST(LedgerKilled, AtAnyOperationLosesNothing) {
  std::uint64_t operations = 0;
  for (std::uint64_t nth = 1;; ++nth) {
    const TemporaryFolder folder, after_power_loss;
    int fds[2];
    ASSERT_EQ(::pipe(fds), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      FaultyDisk disk;
      disk.arm(Fault::Kill, nth, after_power_loss.path());
      drive(folder / "ledger.db", [&](std::size_t n) {
        const char count = static_cast<char>(n);
        if (::write(fds[1], &count, 1) != 1) ::_exit(3);
      });
      ::_exit(0);
    }
    ::close(fds[1]);
    char count = 0;
    while (::read(fds[0], &count, 1) == 1) continue;
    ::close(fds[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    if (WIFEXITED(status)) {
      EXPECT_EQ(WEXITSTATUS(status), 0);
      break;
    }
    operations = nth;
    const auto acknowledged = static_cast<std::size_t>(count);
    // Started again, the recorder may find records in the log that were never synced. From the
    // moment that it says that it has them they must survive a loss of power as well.
    {
      const TemporaryFolder restarted, later;
      for (const auto& file : std::filesystem::directory_iterator(folder.path()))
        std::filesystem::copy_file(file.path(), restarted / file.path().filename().string());
      FaultyDisk disk;
      disk.adopt(restarted.path(), after_power_loss.path());
      Ledger ledger(faulty_options(restarted / "ledger.db"));
      const std::uint64_t claimed = *ledger.committed(writer_id(1));
      disk.save_synced(later.path());
      EXPECT_EQ(all_bytes(later / "ledger.db"), expected(claimed / kBatchRecords))
          << "operation " << nth;
    }
    for (const TemporaryFolder* left : {&folder, &after_power_loss}) {
      const std::string path = *left / "ledger.db";
      Ledger ledger(options_for(path));
      const std::uint64_t committed = *ledger.committed(writer_id(1));
      EXPECT_GE(committed, acknowledged * kBatchRecords) << "operation " << nth;
      EXPECT_EQ(all_bytes(path), expected(committed / kBatchRecords)) << "operation " << nth;
      for (std::size_t n = acknowledged; n < kBatches; ++n) EXPECT_TRUE(ledger.commit(batch(n)));
      EXPECT_EQ(all_bytes(path), expected(kBatches)) << "operation " << nth;
    }
    if (HasFailure()) break;
  }
  EXPECT_GT(operations, 50U);
}

// Damage of what was synced is beyond a promise; but it must show.
TEST(LedgerDamaged, ShowsAGapWhereTheLogWasCutOrChanged) {
  for (const bool cut : {true, false}) {
    const TemporaryFolder folder, copy;
    {
      LedgerOptions options = options_for(folder / "ledger.db");
      Ledger ledger(options);
      for (std::size_t n = 0; n < kBatches; ++n) ASSERT_TRUE(ledger.commit(batch(n)));
      // As a crash leaves it: with a log.
      for (const char* name : {"ledger.db", "ledger.db-wal"})
        std::filesystem::copy_file(folder / name, copy / name);
    }
    const std::string wal = copy / "ledger.db-wal";
    const auto size = std::filesystem::file_size(wal);
    if (cut) {
      std::filesystem::resize_file(wal, size / 2);
    } else {
      std::fstream file(wal, std::ios::binary | std::ios::in | std::ios::out);
      file.seekp(static_cast<std::streamoff>(size / 2));
      file.put('!');
    }
    Ledger ledger(options_for(copy / "ledger.db"));
    const std::uint64_t committed = *ledger.committed(writer_id(1));
    EXPECT_GT(committed, 0U);
    EXPECT_LT(committed, kBatches * kBatchRecords);
    ASSERT_TRUE(ledger.commit(batch(kBatches)));
    const auto stored = all_bytes(copy / "ledger.db");
    ASSERT_EQ(stored.size(), committed + 1 + kBatchRecords);
    EXPECT_NE(stored[committed].find("records missing"), std::string::npos);
  }
}

}  // namespace
}  // namespace veilwire::recorder
