#include "agent/recorder/sink_table.h"

#include "tests/unit/recorder/faulty_disk.h"
#include "tests/unit/recorder/ledger_fixture.h"

#include <optional>
#include <set>
#include <thread>
#include <variant>

namespace veilwire::recorder {
namespace {

namespace protocol = host::protocol;
using protocol::Attached;
using protocol::DeliveryAnswer;
using protocol::DeliveryError;
using protocol::Refused;

Delivery attach(const std::string& sink) {
  return {.asker = 1,
          .sink = sink,
          .what = protocol::Attach{.sink = sink, .destination = "https://c.example"}};
}
Delivery confirm(const std::string& sink, std::uint64_t next,
                 std::vector<protocol::DeadLetter> dead = {},
                 std::optional<protocol::Cosigned> cosigned = {}) {
  return {.asker = 1,
          .sink = sink,
          .what = protocol::Confirm{
              .next = next, .dead = std::move(dead), .cosigned = std::move(cosigned)}};
}
Delivery rewind(const std::string& sink, std::uint64_t next) {
  return {.asker = 1, .sink = sink, .what = protocol::Rewind{.sink = sink, .next = next}};
}
DeliveryAnswer stands_at(std::uint64_t next, std::uint64_t last) {
  return Attached{.next = next, .first = 1, .last = last};
}
DeliveryAnswer refused(DeliveryError error) { return Refused{.error = error, .said = ""}; }

void add_fragments(Ledger& ledger, std::uint64_t count) {
  std::vector<Arrival> batch;
  for (std::uint64_t seq = 1; seq <= count; ++seq) batch.push_back(fragment(writer_id(1), seq));
  ASSERT_TRUE(ledger.commit(batch));
}

class SinkTableTest : public testing::Test {
 protected:
  SinkTableTest() { add_fragments(ledger_, 5); }
  std::optional<DeliveryAnswer> say(const Delivery& delivery) {
    auto answers = ledger_.deliver(std::vector{delivery});
    if (!answers || answers->size() != 1) return std::nullopt;
    return answers->front();
  }
  TemporaryFolder folder_;
  const std::string path_ = folder_ / "ledger.db";
  Ledger ledger_{options_for(path_)};
};

TEST_F(SinkTableTest, ASinkBeginsWithTheFirstRecordAndGoesOnWhereItStood) {
  EXPECT_EQ(say(attach("a")), stands_at(1, 5));
  EXPECT_EQ(say(confirm("a", 4)), stands_at(4, 5));
  EXPECT_EQ(say(attach("a")), stands_at(4, 5));
  EXPECT_EQ(say(attach("b")), stands_at(1, 5));
  EXPECT_EQ(say(confirm("a", 6)), stands_at(6, 5));
  EXPECT_EQ(ledger_.sinks(), (std::map<std::string, std::uint64_t>{{"a", 6}, {"b", 1}}));
}

TEST_F(SinkTableTest, APositionGoesNeitherBackNorBeyondTheEnd) {
  EXPECT_EQ(say(confirm("a", 1)), refused(DeliveryError::UnknownSink));
  say(attach("a"));
  say(confirm("a", 3));
  EXPECT_EQ(say(confirm("a", 2)), refused(DeliveryError::OutOfRange));
  EXPECT_EQ(say(confirm("a", 7, {{.record = 2, .reason = "400"}})),
            refused(DeliveryError::OutOfRange));
  EXPECT_EQ(say(confirm("a", 3)), stands_at(3, 5));
  EXPECT_TRUE(LedgerReader(path_).dead_letters("a").empty()) << "of what was refused nothing stays";
}

TEST_F(SinkTableTest, AnOperatorMayDriveASinkAgain) {
  EXPECT_EQ(say(rewind("a", 1)), refused(DeliveryError::UnknownSink));
  say(attach("a"));
  say(confirm("a", 6));
  EXPECT_EQ(say(rewind("a", 2)), stands_at(2, 5));
  EXPECT_EQ(say(rewind("a", 7)), refused(DeliveryError::OutOfRange));
  EXPECT_EQ(say(confirm("a", 4)), stands_at(4, 5));
  EXPECT_EQ(LedgerReader(path_).sinks().at(0).delivered, 7U);
}

TEST_F(SinkTableTest, WhatWasSaidTogetherIsAnsweredInOrder) {
  const auto answers = ledger_.deliver(
      std::vector{attach("a"), confirm("a", 3), confirm("a", 2), confirm("b", 1), rewind("a", 1)});
  ASSERT_TRUE(answers);
  EXPECT_EQ(*answers,
            (std::vector{stands_at(1, 5), stands_at(3, 5), refused(DeliveryError::OutOfRange),
                         refused(DeliveryError::UnknownSink), stands_at(1, 5)}));
  EXPECT_EQ(ledger_.sinks(), (std::map<std::string, std::uint64_t>{{"a", 1}}));
}

TEST_F(SinkTableTest, ReadersSeeWhereSinksStandAndWhatTheyCouldNotDeliver) {
  say(attach("a"));
  say(attach("b"));
  say(confirm("b", 4, {{.record = 1, .reason = "400 Bad Request"}, {.record = 3, .reason = "413"}},
              protocol::Cosigned{.size = 3, .line = "\u2014 w.example AAAA"}));
  say(rewind("b", 1));
  say(confirm("b", 6, {{.record = 3, .reason = "again"}, {.record = 5, .reason = "500"}},
              protocol::Cosigned{.size = 5, .line = "\u2014 w.example BBBB"}));
  LedgerReader reader(path_);
  const auto sinks = reader.sinks();
  ASSERT_EQ(sinks.size(), 2U);
  EXPECT_EQ(sinks[0].name, "a");
  EXPECT_EQ(sinks[0].destination, "https://c.example");
  EXPECT_EQ(sinks[0].lag, 5U);
  EXPECT_FALSE(sinks[0].confirmed_wall_ns);
  EXPECT_EQ(sinks[0].oldest_undelivered_wall_ns, reader.record(1)->wall_ns);
  EXPECT_EQ(sinks[1].next, 6U);
  EXPECT_EQ(sinks[1].lag, 0U);
  EXPECT_TRUE(sinks[1].confirmed_wall_ns);
  EXPECT_FALSE(sinks[1].oldest_undelivered_wall_ns);
  EXPECT_EQ(sinks[1].dead_letters, 3U);
  std::vector<std::string> reasons;
  for (const SinkDeadLetter& letter : reader.dead_letters("b"))
    reasons.push_back(std::to_string(letter.record) + " " + letter.reason);
  EXPECT_EQ(reasons, (std::vector<std::string>{"1 400 Bad Request", "3 413", "5 500"}));
  EXPECT_TRUE(reader.dead_letters("a").empty());
  const auto cosignatures = reader.cosignatures();
  ASSERT_EQ(cosignatures.size(), 2U);
  EXPECT_EQ(cosignatures[1].size, 5U);
  EXPECT_EQ(cosignatures[1].line, "\u2014 w.example BBBB");
}

TEST_F(SinkTableTest, NothingTakesADeadLetterOrACosignatureAway) {
  say(attach("a"));
  say(confirm("a", 4, {{.record = 2, .reason = "400"}},
              protocol::Cosigned{.size = 3, .line = "\u2014 w.example AAAA"}));
  Database other(path_, Database::Mode::Create);
  for (const char* sql : {"DELETE FROM dead_letters", "UPDATE dead_letters SET reason = ''",
                          "DELETE FROM cosignatures", "UPDATE cosignatures SET size = 5"})
    EXPECT_THROW(other.execute(sql), SqliteError) << sql;
}

TEST_F(SinkTableTest, AForwarderCannotMakeSinksWithoutEnd) {
  for (std::size_t i = 0; i < SinkTable::kMostSinks; ++i)
    EXPECT_EQ(say(attach("s" + std::to_string(i))), stands_at(1, 5));
  const auto one_more = say(attach("one-more"));
  ASSERT_TRUE(one_more && std::holds_alternative<Refused>(*one_more));
  EXPECT_EQ(std::get<Refused>(*one_more).error, DeliveryError::Unavailable);
  EXPECT_EQ(say(attach("s7")), stands_at(1, 5));
}

TEST_F(SinkTableTest, APositionOutlivesItsProcess) {
  say(attach("a"));
  say(confirm("a", 4));
  const Ledger again(options_for(path_));
  EXPECT_EQ(again.sinks(), (std::map<std::string, std::uint64_t>{{"a", 4}}));
}

TEST(SinkTableFull, ALedgerThatTakesNoMoreRecordsTakesPositions) {
  const TemporaryFolder folder;
  LedgerOptions options = options_for(folder / "ledger.db");
  options.max_bytes = 2 << 20;
  options.reserved_bytes = 1 << 19;
  Ledger ledger(options);
  for (std::uint64_t seq = 1; ledger.commit(std::vector{fragment(writer_id(1), seq, 100'000)});)
    ++seq;
  ASSERT_TRUE(ledger.used_up());
  const std::uint64_t before = ledger.used_bytes();
  ASSERT_TRUE(ledger.deliver(std::vector{attach("a")}));
  for (std::uint64_t next = 1; next <= ledger.records() + 1; ++next) {
    const auto answers = ledger.deliver(std::vector{confirm("a", next)});
    ASSERT_TRUE(answers);
    EXPECT_EQ(answers->front(), stands_at(next, ledger.records()));
  }
  EXPECT_LT(ledger.used_bytes(), before + (std::uint64_t{1} << 20));
}

// Everything that is said of a sink while the disk fails at each operation in turn: what was
// answered is there, also after a loss of power, and nothing that was not said.
class SinkTableFaults : public testing::TestWithParam<FaultyDisk::Fault> {};

TEST_P(SinkTableFaults, LoseNothingThatWasConfirmed) {
  std::uint64_t operations = 0;
  for (std::uint64_t nth = 1;; ++nth) {
    const TemporaryFolder folder;
    FaultyDisk disk;
    LedgerOptions options = options_for(folder / "ledger.db");
    options.vfs = FaultyDisk::kName;
    options.reserved_bytes = 0;
    options.checkpoint_pages = 4;
    std::optional<Ledger> ledger;
    ledger.emplace(options);
    add_fragments(*ledger, 8);
    ASSERT_TRUE(ledger->deliver(std::vector{attach("a")}));
    disk.arm(GetParam(), nth);
    for (std::uint64_t next = 2; next <= 9;) {
      if (!ledger) {
        try {
          ledger.emplace(options);
        } catch (const SqliteError&) {
          continue;
        }
        EXPECT_GE(ledger->sinks().at("a"), next - 1);
        EXPECT_LE(ledger->sinks().at("a"), next);
      }
      const auto done = ledger->deliver(
          std::vector{confirm("a", next, {{.record = next - 1, .reason = "400"}},
                              protocol::Cosigned{.size = next - 1, .line = "\u2014 w AAAA"})});
      if (done) {
        EXPECT_EQ(done->front(), stands_at(next, 8));
        const TemporaryFolder synced;
        disk.save_synced(synced.path());
        LedgerReader reader(synced / "ledger.db");
        EXPECT_EQ(reader.sinks().at(0).next, next) << "operation " << nth;
        EXPECT_EQ(reader.dead_letters("a").size(), next - 1);
        EXPECT_EQ(reader.cosignatures().size(), next - 1);
        ++next;
      } else if (done.error() == LedgerError::Broken) {
        ledger.reset();
      }
    }
    if (HasFailure() || !disk.fired()) break;
    operations = nth;
  }
  EXPECT_GT(operations, 10U);
}

INSTANTIATE_TEST_SUITE_P(Disk, SinkTableFaults,
                         testing::Values(FaultyDisk::Fault::WriteError,
                                         FaultyDisk::Fault::ShortWrite, FaultyDisk::Fault::DiskFull,
                                         FaultyDisk::Fault::SyncError));

}  // namespace
}  // namespace veilwire::recorder
