#include "agent/recorder/ledger.h"

#include "agent/recorder/schema.h"
#include "tests/unit/recorder/ledger_fixture.h"
#include "userspace/audit/content.h"
#include "userspace/audit/parse.h"
#include "userspace/base/limits.h"

#include <functional>
#include <random>

#include <gmock/gmock.h>
#include <sys/stat.h>

namespace veilwire::recorder {
namespace {

class LedgerTest : public testing::Test {
 protected:
  TemporaryFolder folder_;
  const std::string path_ = folder_ / "ledger.db";
  const WriterId a_ = writer_id(1), b_ = writer_id(2);
};

TEST_F(LedgerTest, GivesBackEveryKindByteForByte) {
  std::vector<Arrival> batch;
  for (const audit::Record& record : audit::sample_records())
    batch.push_back(arrival(a_, batch.size() + 1, record));
  Ledger ledger(options_for(path_));
  ASSERT_TRUE(ledger.commit(batch));
  EXPECT_EQ(*ledger.committed(a_), batch.size());
  EXPECT_EQ(*ledger.committed(b_), 0U);
  EXPECT_EQ(all_bytes(path_), bytes_of(batch));
}

TEST_F(LedgerTest, DropsWhatItHasAlready) {
  const std::vector<Arrival> batch = {fragment(a_, 1), fragment(a_, 2), fragment(a_, 3)};
  {
    Ledger ledger(options_for(path_));
    ASSERT_TRUE(ledger.commit(batch));
    ASSERT_TRUE(ledger.commit(batch));
  }
  Ledger ledger(options_for(path_));
  ASSERT_TRUE(ledger.commit(std::vector{fragment(a_, 2, 5), fragment(a_, 3), fragment(a_, 4)}));
  EXPECT_EQ(*ledger.committed(a_), 4U);
  std::vector<std::string> expected = bytes_of(batch);
  expected.push_back(fragment(a_, 4).bytes);
  EXPECT_EQ(all_bytes(path_), expected);
}

TEST_F(LedgerTest, KeepsTheNumbersOfTwoWritersApart) {
  Ledger ledger(options_for(path_));
  ASSERT_TRUE(ledger.commit(std::vector{fragment(a_, 1), fragment(b_, 1), fragment(a_, 2)}));
  ASSERT_TRUE(ledger.commit(std::vector{fragment(b_, 2), fragment(b_, 3)}));
  EXPECT_EQ(*ledger.committed(a_), 2U);
  EXPECT_EQ(*ledger.committed(b_), 3U);
  EXPECT_EQ(all_bytes(path_).size(), 5U);
}

TEST_F(LedgerTest, RecordsAHoleInTheNumbersOfAWriter) {
  Ledger ledger(options_for(path_));
  ASSERT_TRUE(ledger.commit(std::vector{fragment(a_, 1), fragment(a_, 4), fragment(b_, 3)}));
  EXPECT_EQ(*ledger.committed(a_), 4U);
  const auto stored = all_bytes(path_);
  ASSERT_EQ(stored.size(), 5U);
  const auto gap = [&](std::size_t i) {
    const auto parsed = audit::parse_record(stored[i]);
    EXPECT_TRUE(parsed);
    EXPECT_EQ(parsed->writer, host::protocol::to_hex(writer_id(0xee)));
    return std::pair(parsed->seq, std::get<audit::Gap>(parsed->record.body).detail);
  };
  EXPECT_EQ(gap(1),
            std::pair(std::uint64_t{1}, "writer " + host::protocol::to_hex(a_) + " seq 2 to 3"));
  EXPECT_EQ(gap(3),
            std::pair(std::uint64_t{2}, "writer " + host::protocol::to_hex(b_) + " seq 1 to 2"));
  EXPECT_EQ(stored[2], fragment(a_, 4).bytes);
}

TEST_F(LedgerTest, OfANewerProgramIsRefusedAndLeftAsItIs) {
  { Ledger ledger(options_for(path_)); }
  Database(path_, Database::Mode::Create)
      .execute("INSERT INTO migrations SELECT max(version) + 1, 0 FROM migrations");
  const auto refusal = [](const std::function<void()>& open) {
    try {
      open();
    } catch (const SqliteError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  const std::string next = std::to_string(kSchemaVersion + 1);
  for (int attempt = 0; attempt < 2; ++attempt)
    EXPECT_EQ(refusal([this] { Ledger ledger(options_for(path_)); }),
              "the ledger has format " + next + ", this program knows up to " +
                  std::to_string(kSchemaVersion) + ": install the newer program again");
  EXPECT_NE(refusal([this] { LedgerReader reader(path_); }).find("by a newer version"),
            std::string::npos);
}

TEST_F(LedgerTest, KeepsARecordThatItCannotReadAndSaysSo) {
  Ledger ledger(options_for(path_));
  const Arrival garbage{.writer = a_, .seq = 1, .bytes = std::string("\x00{", 2)};
  const Arrival other{.writer = a_, .seq = 2, .bytes = fragment(b_, 2).bytes};
  const Arrival number{.writer = a_, .seq = 3, .bytes = fragment(a_, 9).bytes};
  ASSERT_TRUE(ledger.commit(std::vector{garbage, other, number}));
  EXPECT_EQ(*ledger.committed(a_), 3U);
  const auto stored = all_bytes(path_);
  ASSERT_EQ(stored.size(), 6U);
  EXPECT_EQ(stored[0], garbage.bytes);
  EXPECT_EQ(stored[2], other.bytes);
  EXPECT_EQ(stored[4], number.bytes);
  for (const std::size_t i : {1U, 3U, 5U}) {
    const auto parsed = audit::parse_record(stored[i]);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(std::get<audit::Gap>(parsed->record.body).reason, "unreadable record");
  }
}

TEST_F(LedgerTest, StoresATextThatIsSentAgainOnce) {
  const auto body = [](const std::string& content) {
    return audit::sample(audit::RequestBody{.offset = 0, .content = content, .masks = {}});
  };
  const std::string text = "\"\n\xff" + std::string(limits::kRecordContent - 8, 'x');
  const std::string escaped = "\"\n\\" + std::string(limits::kRecordContent - 8, 'y');
  std::vector<Arrival> batch;
  for (int i = 0; i < 200; ++i) {
    batch.push_back(arrival(a_, batch.size() + 1, body(text)));
    batch.push_back(arrival(a_, batch.size() + 1, body(escaped)));
    batch.push_back(arrival(a_, batch.size() + 1, body("short")));
  }
  {
    Ledger ledger(options_for(path_));
    ASSERT_TRUE(ledger.commit(batch));
  }
  EXPECT_EQ(all_bytes(path_), bytes_of(batch));
  EXPECT_LT(std::filesystem::file_size(path_), 600U * 1024U);
}

// Each turn sends everything before it again, on a connection of its own.
TEST_F(LedgerTest, GrowsWithAConversationAndNotWithItsSquare) {
  Ledger ledger(options_for(path_));
  std::mt19937 random(5);
  const auto words = [&](std::size_t bytes) {
    std::string out;
    while (out.size() < bytes) out += "abcdefghijklmnopqrstuvwxyz \"\\\n"[random() % 30];
    return out;
  };
  const std::string tools = words(50'000);
  std::string messages;
  std::uint64_t seq = 0;
  std::size_t sent = 0;
  std::vector<std::string> expected;
  for (int turn = 0; turn < 40; ++turn) {
    messages += words(4000);
    const std::string body = messages + tools;
    sent += body.size();
    std::vector<Arrival> batch;
    for (std::string_view rest = body; !rest.empty();) {
      const std::size_t n = audit::next_cut(rest);
      audit::Record record =
          audit::sample(audit::RequestBody{.offset = body.size() - rest.size(),
                                           .content = std::string(rest.substr(0, n)),
                                           .masks = {}});
      record.context.session[0] = static_cast<char>('a' + turn % 6);
      batch.push_back(arrival(a_, ++seq, record));
      expected.push_back(batch.back().bytes);
      rest.remove_prefix(n);
    }
    ASSERT_TRUE(ledger.commit(batch));
  }
  EXPECT_EQ(all_bytes(path_), expected);
  Database database(path_, Database::Mode::ReadOnly);
  const auto used = static_cast<std::size_t>(database.integer("PRAGMA page_count") *
                                             database.integer("PRAGMA page_size"));
  EXPECT_GT(sent, 5'000'000U);
  EXPECT_LT(used, sent / 4);
}

TEST_F(LedgerTest, RefusesToChangeOrDeleteARecord) {
  Ledger ledger(options_for(path_));
  const auto body = audit::sample(
      audit::RequestBody{.offset = 0, .content = std::string(5000, 'x'), .masks = {}});
  ASSERT_TRUE(ledger.commit(std::vector{arrival(a_, 1, body)}));
  Database database(path_, Database::Mode::Create);
  for (const char* sql : {"DELETE FROM records", "UPDATE records SET kind = 'x'",
                          "DELETE FROM contents", "UPDATE contents SET text = ''"}) {
    EXPECT_THROW(database.execute(sql), SqliteError) << sql;
  }
  EXPECT_EQ(all_bytes(path_).size(), 1U);
}

TEST_F(LedgerTest, IsForItsOwnerAlone) {
  Ledger ledger(options_for(path_));
  ASSERT_TRUE(ledger.commit(std::vector{fragment(a_, 1)}));
  for (const auto& file : std::filesystem::directory_iterator(folder_.path())) {
    struct stat status {};
    ASSERT_EQ(::stat(file.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << file.path();
  }
}

TEST_F(LedgerTest, SaysFullBeforeItIsAndRefusesAtTheCap) {
  LedgerOptions options = options_for(path_);
  options.max_bytes = 4 << 20;
  options.reserved_bytes = 1 << 20;
  Ledger ledger(options);
  EXPECT_TRUE(ledger.has_space());
  std::uint64_t seq = 0, committed_after_full = 0;
  bool said_full = false;
  for (;;) {
    const auto done = ledger.commit(std::vector{fragment(a_, seq + 1, 8000)});
    if (!done) {
      EXPECT_EQ(done.error(), LedgerError::Full);
      break;
    }
    ++seq;
    if (!ledger.has_space()) said_full = true;
    if (said_full) ++committed_after_full;
    ASSERT_LT(seq, 2000U);
  }
  EXPECT_TRUE(said_full);
  EXPECT_GT(committed_after_full, 20U);
  EXPECT_EQ(*ledger.committed(a_), seq);
  EXPECT_FALSE(ledger.commit(std::vector{fragment(a_, seq + 1)}));
  EXPECT_EQ(all_bytes(path_).size(), seq);
  EXPECT_LT(std::filesystem::file_size(path_) + std::filesystem::file_size(path_ + "-wal"),
            (4U << 20) + 100'000U);
}

TEST_F(LedgerTest, SaysWhatAWriterThatHasGoneLeftOpen) {
  Ledger ledger(options_for(path_));
  const std::string left = "aaaa000000000001", other = "bbbb000000000002";
  audit::Record close = audit::sample(
      audit::ExchangeClose{
          .outcome = "complete", .request_bytes = 0, .response_bytes = 0, .masked = 0},
      1);
  close.context.session = left;
  ASSERT_TRUE(ledger.commit(std::vector{opening(a_, 1, left, 0), opening(a_, 2, left, 1),
                                        arrival(a_, 3, close), opening(a_, 4, left, 2),
                                        opening(b_, 1, other, 1),
                                        arrival(b_, 2, audit::sample(audit::ConfigChange{}))}));
  const std::size_t before = all_bytes(path_).size();
  ASSERT_TRUE(ledger.close_left({a_, b_}));
  EXPECT_EQ(all_bytes(path_).size(), before);

  ASSERT_TRUE(ledger.close_left({b_}));
  const std::vector<std::string> closed = {"aaaa.0 proxy gone", "aaaa.1 complete",
                                           "aaaa.2 proxy gone", "bbbb.1"};
  EXPECT_THAT(outcomes(path_), testing::IsSupersetOf(closed));
  std::string gap;
  LedgerReader(path_).records(left, 2,
                              [&](const auto& record) { return gap = record.bytes, true; });
  const auto parsed = audit::parse_record(gap);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(std::get<audit::Gap>(parsed->record.body).reason, "proxy gone");
  EXPECT_EQ(parsed->writer, host::protocol::to_hex(writer_id(0xee)));

  const std::size_t after = all_bytes(path_).size();
  EXPECT_EQ(after, before + 2);
  ASSERT_TRUE(ledger.close_left({b_}));
  EXPECT_EQ(all_bytes(path_).size(), after);  // once

  // It was only slow: its own word counts.
  close.context.exchange = 2;
  ASSERT_TRUE(ledger.commit(std::vector{arrival(a_, 5, close)}));
  EXPECT_THAT(outcomes(path_), testing::Contains("aaaa.2 complete"));
}

TEST_F(LedgerTest, RefusesAFormatOfTheFutureAndForeignDatabases) {
  { Ledger ledger(options_for(path_)); }
  Database(path_, Database::Mode::Create).execute("INSERT INTO migrations VALUES(1000, 0)");
  EXPECT_THROW(Ledger{options_for(path_)}, SqliteError);
  EXPECT_THROW(LedgerReader{path_}, SqliteError);

  Database(folder_ / "other.db", Database::Mode::Create).execute("CREATE TABLE t(x)");
  EXPECT_THROW(Ledger{options_for(folder_ / "other.db")}, SqliteError);
  EXPECT_THROW(LedgerReader{folder_ / "other.db"}, SqliteError);
  EXPECT_THROW(Ledger{options_for(folder_ / "no/such/folder.db")}, SqliteError);
  EXPECT_THROW(LedgerReader{folder_ / "absent.db"}, SqliteError);
}

TEST_F(LedgerTest, RemembersWhichMigrationsRan) {
  { Ledger ledger(options_for(path_)); }
  { Ledger ledger(options_for(path_)); }
  Database database(path_, Database::Mode::ReadOnly);
  EXPECT_EQ(database.integer("SELECT count(*) FROM migrations"), kSchemaVersion);
  EXPECT_EQ(schema_version(database), kSchemaVersion);
}

}  // namespace
}  // namespace veilwire::recorder
