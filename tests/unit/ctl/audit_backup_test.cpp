#include "agent/ctl/audit_backup.h"

#include "agent/ctl/audit_ledger.h"
#include "agent/ctl/audit_proof.h"
#include "tests/unit/ctl/run_veilwire.h"
#include "tests/unit/recorder/ledger_fixture.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <sys/stat.h>

namespace veilwire::ctl {
namespace {

namespace fs = std::filesystem;
using recorder::LedgerReader;
using ::testing::HasSubstr;

class AuditBackup : public ::testing::Test {
 protected:
  AuditBackup() {
    recorder::LedgerOptions options = recorder::options_for(path_);
    options.checkpoint_key = folder_ / "checkpoint.key";
    ledger_.emplace(options);
    EXPECT_TRUE(ledger_->sign());
    commit(40);
    EXPECT_TRUE(ledger_->sign());
  }
  void commit(int records) {
    for (int i = 0; i < records; ++i) {
      const std::uint64_t seq = ++seq_;
      ASSERT_TRUE(ledger_->commit(
          std::vector{recorder::opening(recorder::writer_id(1), seq, "aaaaaaaaaaaaaaaa", seq)}));
    }
  }
  int backup(const std::string& out) {
    out_.str("");
    err_.str("");
    return audit_backup(path_, {.out = out}, screen_);
  }
  std::vector<std::string> beginning_with(const std::string& name) const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder_.path()))
      if (entry.path().filename().string().starts_with(name))
        found.push_back(entry.path().filename().string());
    return found;
  }

  const recorder::TemporaryFolder folder_;
  const std::string path_ = folder_ / "ledger.db";
  const std::string copy_ = folder_ / "copy.db";
  std::optional<recorder::Ledger> ledger_;
  std::uint64_t seq_ = 0;
  std::ostringstream out_, err_;
  const Screen screen_{.out = out_, .err = err_, .terminal = false};
};

TEST_F(AuditBackup, IsReadAndVerifiedAsTheLedgerIs) {
  ASSERT_EQ(backup(copy_), 0) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("it holds"));
  EXPECT_THAT(out_.str(), HasSubstr("backup       " + copy_));
  struct stat status {};
  ASSERT_EQ(::stat(copy_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
  LedgerReader original(path_), copied(copy_);
  EXPECT_EQ(copied.last_record(), original.last_record());
  EXPECT_EQ(copied.origin(), original.origin());
  EXPECT_EQ(copied.list({}).size(), 40U);
  EXPECT_EQ(audit_verify(copied, {}, screen_), 0);
  EXPECT_EQ(beginning_with("copy.db"), std::vector<std::string>{"copy.db"})
      << "one file, whatever has read it";
  // Bytes 18 and 19 of a database say whether it needs a write-ahead log (SQLite's file format).
  std::ifstream in(copy_, std::ios::binary);
  const std::string head{std::istreambuf_iterator<char>(in), {}};
  EXPECT_EQ(head.substr(18, 2), "\x01\x01");
}

TEST_F(AuditBackup, IsOfOneMomentWhileRecordsArrive) {
  std::atomic<bool> over = false;
  std::thread writer([&] {
    while (!over) commit(1);
    EXPECT_TRUE(ledger_->sign());
  });
  for (int i = 0; i < 5; ++i) {
    const std::string out = copy_ + std::to_string(i);
    EXPECT_EQ(backup(out), 0) << err_.str();
    LedgerReader copied(out);
    EXPECT_GE(copied.list({.limit = 100'000}).size(), 40U);
  }
  over = true;
  writer.join();
  LedgerReader original(path_);
  EXPECT_EQ(audit_verify(original, {}, screen_), 0) << "and nothing is done to the ledger";
}

TEST_F(AuditBackup, TakesThePlaceOfNothing) {
  std::ofstream(copy_) << "another";
  EXPECT_EQ(backup(copy_), kAuditFailed);
  EXPECT_THAT(err_.str(), HasSubstr("exists already"));
  EXPECT_EQ(fs::file_size(copy_), 7U);
  EXPECT_EQ(backup(folder_ / "absent/copy.db"), kAuditFailed);
}

TEST_F(AuditBackup, OfALedgerThatDoesNotHoldIsNotKept) {
  recorder::Database(path_, recorder::Database::Mode::Create)
      .execute("DROP TRIGGER records_keep; UPDATE records SET bytes = bytes || ' ' WHERE id = 5");
  EXPECT_EQ(backup(copy_), kAuditDisproved);
  EXPECT_THAT(out_.str(), HasSubstr("IT DOES NOT HOLD"));
  EXPECT_TRUE(beginning_with("copy.db").empty());
}

// A limit on the size of files is where a disk that fills up and a kill meet: the signal that comes
// with it ends the program in the middle of the copy.
TEST_F(AuditBackup, ThatIsCutShortLooksLikeNone) {
  commit(2000);
  ASSERT_TRUE(ledger_->sign());
  ASSERT_GT(fs::file_size(path_), 256U * 1024);
  const std::string command =
      testing::veilwire() + " audit --ledger " + path_ + " backup --out " + copy_ + " 2>&1";
  EXPECT_NE(testing::shell("ulimit -f 64; " + command).exit_code, 0);
  EXPECT_FALSE(fs::exists(copy_));
  ASSERT_FALSE(beginning_with("copy.db.partial-").empty()) << "it was killed in the middle";

  const auto full = testing::shell("trap '' XFSZ; ulimit -f 64; " + command);
  EXPECT_EQ(full.exit_code, kAuditFailed) << full.output;
  EXPECT_THAT(full.output, HasSubstr("no backup was made"));
  EXPECT_FALSE(fs::exists(copy_));
  EXPECT_EQ(testing::shell(command).exit_code, 0) << "what is left is in nobody's way";
  EXPECT_TRUE(fs::exists(copy_));
}

}  // namespace
}  // namespace veilwire::ctl
