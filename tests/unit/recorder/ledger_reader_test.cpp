#include "agent/recorder/ledger_reader.h"

#include "tests/unit/recorder/ledger_fixture.h"

namespace veilwire::recorder {
namespace {

TEST(LedgerReader, ReadsWhileTheLedgerIsWritten) {
  const TemporaryFolder folder;
  Ledger ledger(options_for(folder / "ledger.db"));
  ASSERT_TRUE(ledger.commit(std::vector{fragment(writer_id(1), 1)}));
  LedgerReader reader(folder / "ledger.db");
  std::uint64_t seq = 1;
  std::size_t seen = 0;
  // Each portion sees what has been committed meanwhile; nothing blocks the writer.
  reader.records("00c0ffee00c0ffee", 1, [&](const LedgerReader::StoredRecord&) {
    ++seen;
    if (seq < 300) {
      std::vector<Arrival> batch;
      for (int i = 0; i < 100; ++i) batch.push_back(fragment(writer_id(1), ++seq));
      EXPECT_TRUE(ledger.commit(batch));
    }
    return true;
  });
  EXPECT_EQ(seen, 1U);  // the first portion was not full: that was the end at that moment
  std::vector<std::uint64_t> ids;
  reader.records("00c0ffee00c0ffee", 1, [&](const LedgerReader::StoredRecord& record) {
    ids.push_back(static_cast<std::uint64_t>(record.id));
    return ids.size() < 150;
  });
  ASSERT_EQ(ids.size(), 101U);
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
}

TEST(LedgerReader, StopsWhenTheVisitorHasEnough) {
  const TemporaryFolder folder;
  Ledger ledger(options_for(folder / "ledger.db"));
  std::vector<Arrival> batch;
  for (std::uint64_t seq = 1; seq <= 200; ++seq) batch.push_back(fragment(writer_id(1), seq));
  ASSERT_TRUE(ledger.commit(batch));
  std::size_t seen = 0;
  LedgerReader(folder / "ledger.db").all_records(100, [&](const LedgerReader::StoredRecord&) {
    return ++seen < 70;
  });
  EXPECT_EQ(seen, 70U);
}

TEST(LedgerReader, FindsSessionsByTheirFirstDigits) {
  const TemporaryFolder folder;
  Ledger ledger(options_for(folder / "ledger.db"));
  std::uint64_t seq = 0;
  for (const char* session : {"aa00000000000000", "aa11111111111111", "bb00000000000000"}) {
    audit::Record record = audit::sample(audit::UpstreamError{.reason = "x"});
    record.context.session = session;
    ASSERT_TRUE(ledger.commit(std::vector{arrival(writer_id(1), ++seq, record)}));
  }
  LedgerReader reader(folder / "ledger.db");
  EXPECT_EQ(reader.sessions("aa").size(), 2U);
  EXPECT_EQ(reader.sessions("aa1"), std::vector<std::string>{"aa11111111111111"});
  EXPECT_EQ(reader.sessions("bb00000000000000"), std::vector<std::string>{"bb00000000000000"});
  EXPECT_TRUE(reader.sessions("c").empty());
  EXPECT_TRUE(reader.sessions("%").empty());
}

TEST(LedgerReader, ReadsALedgerThatNobodyHasOpen) {
  const TemporaryFolder folder;
  {
    Ledger ledger(options_for(folder / "ledger.db"));
    ASSERT_TRUE(ledger.commit(std::vector{fragment(writer_id(1), 1)}));
  }
  EXPECT_EQ(all_bytes(folder / "ledger.db").size(), 1U);
}

}  // namespace
}  // namespace veilwire::recorder
