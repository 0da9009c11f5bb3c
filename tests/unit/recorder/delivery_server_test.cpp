#include "agent/recorder/delivery_server.h"

#include "agent/host/local_socket.h"
#include "agent/host/log.h"
#include "tests/unit/recorder/delivery_client.h"
#include "tests/unit/recorder/faulty_disk.h"
#include "tests/unit/recorder/ledger_fixture.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <thread>

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace veilwire::recorder {
namespace {

namespace protocol = host::protocol;
using protocol::Attach;
using protocol::Attached;
using protocol::Confirm;
using protocol::DeliveryAnswer;
using protocol::DeliveryError;
using protocol::End;
using protocol::Read;
using protocol::ReadExchange;
using protocol::Refused;
using protocol::Rewind;

DeliveryAnswer refused(DeliveryError error) { return Refused{.error = error, .said = ""}; }

class DeliveryServerTest : public testing::Test {
 protected:
  void start(std::vector<uid_t> readers = {::geteuid()}) {
    start(std::move(readers), [this] { return Ledger(options_for(path_)); });
  }
  void start(std::vector<uid_t> readers, std::function<Ledger()> open) {
    committer_.emplace(std::move(open), [] {});
    committer_->wait_until_open();
    server_.emplace(DeliveryOptions{.listener = host::listen_local(socket_, 0600),
                                    .readers = std::move(readers),
                                    .ledger = path_},
                    *committer_);
  }
  void TearDown() override {
    server_.reset();
    committer_.reset();
  }
  void add(std::uint64_t count, std::size_t padding = 0) {
    for (; count > 0; --count) {
      committer_->submit(fragment(writer_id(1), ++seq_, padding));
      expected_.push_back(fragment(writer_id(1), seq_, padding).bytes);
    }
    while (committer_->last_record() < expected_.size()) std::this_thread::yield();
  }
  DeliveryClient connect() { return DeliveryClient(socket_); }
  DeliveryClient attach(const std::string& sink, std::uint64_t next = 1) {
    DeliveryClient client = connect();
    const auto answer = client.ask(Attach{.sink = sink, .destination = "https://c.example"});
    EXPECT_EQ(answer, DeliveryAnswer(
                          Attached{.next = next, .first = 1, .last = committer_->last_record()}));
    return client;
  }

  TemporaryFolder folder_;
  const std::string socket_ = folder_ / "delivery.sock", path_ = folder_ / "ledger.db";
  std::optional<Committer> committer_;
  std::optional<DeliveryServer> server_;
  std::vector<std::string> expected_;
  std::uint64_t seq_ = 0;
};

TEST_F(DeliveryServerTest, ASinkReadsEverythingInOrderAndConfirmsIt) {
  start();
  add(300);
  DeliveryClient client = attach("otlp");
  std::vector<std::string> read;
  for (std::uint64_t next = 1; next <= 300;) {
    const auto got = client.read(next, 10'000);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->end.last, 300U);
    EXPECT_EQ(got->end.next, next + got->records.size());
    std::uint64_t bytes = 0;
    for (const std::string& record : got->records) bytes += record.size();
    EXPECT_LE(bytes, 10'000U);
    read.insert(read.end(), got->records.begin(), got->records.end());
    next = got->end.next;
    EXPECT_EQ(client.ask(Confirm{.next = next, .dead = {}, .cosigned = {}}),
              DeliveryAnswer(Attached{.next = next, .first = 1, .last = 300}));
  }
  EXPECT_EQ(read, expected_);
  attach("otlp", 301);
  attach("other", 1);
}

TEST_F(DeliveryServerTest, ASinkIsToldOfWhichLogTheRecordsAre) {
  start();
  DeliveryClient client = attach("witness");
  EXPECT_EQ(client.ask(protocol::AskLog{}),
            DeliveryAnswer(protocol::LogName{LedgerReader(path_).origin()}));
  EXPECT_TRUE(LedgerReader(path_).origin().starts_with("veilwire/"));
  EXPECT_EQ(connect().ask(protocol::AskLog{}), refused(DeliveryError::NotAttached));
}

TEST_F(DeliveryServerTest, ALargeRecordComesWholeInPieces) {
  start();
  add(1);
  add(2, 900'000);
  DeliveryClient client = attach("otlp");
  EXPECT_EQ(client.read(1, 1)->records, std::vector{expected_[0]});
  EXPECT_EQ(client.read(2, 1)->records, std::vector{expected_[1]});
  EXPECT_EQ(client.read(1, protocol::kDeliveryAnswer)->records, expected_);
}

TEST_F(DeliveryServerTest, AReadAtTheEndWaitsForTheNextRecord) {
  start();
  add(1);
  DeliveryClient waiting = attach("otlp"), other = attach("other");
  waiting.say(Read{.from = 2});
  EXPECT_EQ(other.read(1, 1)->records.size(), 1U) << "and nobody waits with it";
  EXPECT_FALSE(waiting.answered(50));
  add(1);
  EXPECT_EQ(waiting.answers_to_read()->records, std::vector{expected_[1]});
}

TEST_F(DeliveryServerTest, WhoGoesWhileWaitingIsForgotten) {
  start();
  {
    DeliveryClient waiting = attach("otlp");
    waiting.say(Read{.from = 1});
  }
  add(1);
  EXPECT_EQ(attach("otlp").read(1, 1)->records, expected_);
}

TEST_F(DeliveryServerTest, AnExchangeIsReadByItself) {
  start();
  std::vector<std::string> wanted;
  for (std::uint64_t i = 1; i <= 6; ++i) {
    const auto open = opening(writer_id(1), i, "aaaa000000000001", i % 2);
    committer_->submit(open);
    if (i % 2 == 1) wanted.push_back(open.bytes);
  }
  while (committer_->last_record() < 6) std::this_thread::yield();
  DeliveryClient client = attach("otlp");
  const auto read = [&](std::uint64_t from, std::uint32_t most) {
    client.say(ReadExchange{
        .session = "aaaa000000000001", .exchange = 1, .from = from, .most_bytes = most});
    return client.answers_to_read();
  };
  const auto first = read(1, 1);
  EXPECT_EQ(first->records, std::vector{wanted[0]});
  EXPECT_EQ(first->end, (End{.next = 3, .last = 6}));
  const auto rest = read(3, 100'000);
  EXPECT_EQ(rest->records, (std::vector{wanted[1], wanted[2]}));
  EXPECT_EQ(rest->end, (End{.next = 0, .last = 6}));
  EXPECT_EQ(read(6, 1)->end, (End{.next = 0, .last = 6}));
}

TEST_F(DeliveryServerTest, WhoHasNotAttachedIsToldAndMayStillDoSo) {
  start();
  add(1);
  DeliveryClient client = connect();
  EXPECT_EQ(client.ask(Read{}), refused(DeliveryError::NotAttached));
  EXPECT_EQ(client.ask(Confirm{}), refused(DeliveryError::NotAttached));
  EXPECT_EQ(client.ask(ReadExchange{.session = "aaaa000000000001"}),
            refused(DeliveryError::NotAttached));
  EXPECT_EQ(client.ask(Rewind{.sink = "otlp"}), refused(DeliveryError::UnknownSink));
  EXPECT_TRUE(std::holds_alternative<Attached>(*client.ask(Attach{"otlp", ""})));
  EXPECT_EQ(client.ask(Read{.from = 3}), refused(DeliveryError::OutOfRange));
  EXPECT_EQ(client.read(1, 1)->records.size(), 1U);
}

TEST_F(DeliveryServerTest, AConfirmedPositionNeverGoesBack) {
  start();
  add(5);
  DeliveryClient client = attach("otlp");
  client.ask(Confirm{.next = 4, .dead = {}, .cosigned = {}});
  EXPECT_EQ(client.ask(Confirm{.next = 3, .dead = {}, .cosigned = {}}),
            refused(DeliveryError::OutOfRange));
  EXPECT_EQ(client.ask(Confirm{.next = 7, .dead = {}, .cosigned = {}}),
            refused(DeliveryError::OutOfRange));
  attach("otlp", 4);
}

TEST_F(DeliveryServerTest, TheNewestConnectionOfASinkTakesItOver) {
  start();
  add(2);
  DeliveryClient older = attach("otlp"), waiting = attach("waiting"), bystander = attach("third");
  waiting.say(Read{.from = 3});
  DeliveryClient newer = attach("otlp"), newest = attach("waiting");
  EXPECT_EQ(waiting.answer(), refused(DeliveryError::InUse));
  EXPECT_EQ(older.ask(Read{}), refused(DeliveryError::InUse));
  EXPECT_EQ(older.ask(Confirm{.next = 2, .dead = {}, .cosigned = {}}),
            refused(DeliveryError::InUse));
  EXPECT_EQ(newer.read(1, 1)->records.size(), 1U);
  EXPECT_EQ(bystander.read(1, 1)->records.size(), 1U);
}

TEST_F(DeliveryServerTest, ARewindCutsOffWhoeverIsAttached) {
  start();
  add(5);
  DeliveryClient attached = attach("otlp"), other = attach("other"), operators = connect();
  attached.ask(Confirm{.next = 6, .dead = {}, .cosigned = {}});
  attached.say(Read{.from = 6});
  EXPECT_EQ(operators.ask(Rewind{.sink = "otlp", .next = 3}),
            DeliveryAnswer(Attached{.next = 3, .first = 1, .last = 5}));
  EXPECT_FALSE(attached.answer());
  EXPECT_EQ(operators.ask(Rewind{.sink = "otlp", .next = 7}), refused(DeliveryError::OutOfRange));
  EXPECT_EQ(other.read(1, 1)->records.size(), 1U);
  attach("otlp", 3);
}

TEST_F(DeliveryServerTest, RootMayRewindAndNothingElse) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root";
  start({64001});
  add(1);
  EXPECT_EQ(connect().ask(Rewind{.sink = "otlp"}), refused(DeliveryError::UnknownSink));
  EXPECT_FALSE(connect().ask(Attach{"otlp", ""}));
  EXPECT_FALSE(connect().ask(Read{}));
}

TEST_F(DeliveryServerTest, AnotherUserIsNotAnswered) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: becoming another user needs root";
  start({64001});
  ASSERT_EQ(::chmod(socket_.c_str(), 0666), 0);
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
  // SO_PEERCRED is of the thread that connects.
  const auto is_answered = [this](uid_t user) {
    bool answered = false;
    std::thread([&] {
      if (::syscall(SYS_setresuid, user, user, user) != 0) return;
      answered = connect().ask(Attach{"otlp", ""}).has_value();
    }).join();
    return answered;
  };
  EXPECT_TRUE(is_answered(64001));
  EXPECT_FALSE(is_answered(64002));
}

TEST_F(DeliveryServerTest, WhatIsNotTheProtocolIsClosedAndCostsNobodyElse) {
  start();
  add(1);
  DeliveryClient good = attach("good");
  for (const std::string& garbage :
       {std::string("x"), std::string(100'000, '\0'),
        *encode(DeliveryAnswer(Attached{.next = 1, .first = 1, .last = 1}))}) {
    DeliveryClient client = attach("bad");
    client.say(garbage);
    EXPECT_FALSE(client.answer());
  }
  DeliveryClient impatient = attach("bad");
  impatient.say(Read{.from = 2});
  impatient.say(Read{.from = 2});
  EXPECT_FALSE(impatient.answer()) << "one request at a time";
  EXPECT_EQ(good.read(1, 1)->records.size(), 1U);
}

TEST_F(DeliveryServerTest, ASinkThatTakesNoAnswersHoldsUpNobody) {
  start();
  add(20, 200'000);
  DeliveryClient slow = attach("slow"), quick = attach("quick");
  slow.say(Read{});
  EXPECT_EQ(quick.read(1, 1)->records.size(), 1U);
  add(1);
  EXPECT_EQ(quick.read(21, 1)->records.size(), 1U);
  EXPECT_EQ(slow.answers_to_read()->records.size(), 20U);
}

TEST_F(DeliveryServerTest, WhatIsDeletedIsNotGiven) {
  LedgerOptions options = options_for(path_);
  options.checkpoint_key = folder_ / "checkpoint.key";
  const auto in_two_days = [] {
    Now now = audit::sample(audit::Gap{}).time;
    now.wall.since_epoch += std::chrono::hours(48);
    return now;
  };
  const std::string session = "aaaa000000000001";
  {
    Ledger ledger(options);
    const auto close = [&](std::uint64_t seq, std::uint64_t exchange) {
      audit::Record record = audit::sample(
          audit::ExchangeClose{
              .outcome = "complete", .request_bytes = 1, .response_bytes = 1, .masked = 0},
          exchange);
      record.context.session = session;
      return arrival(writer_id(1), seq, record);
    };
    ASSERT_TRUE(ledger.commit(std::vector{opening(writer_id(1), 1, session, 1), close(2, 1),
                                          opening(writer_id(1), 3, session, 2)}));
    ASSERT_TRUE(ledger.sign());
    ASSERT_TRUE(ledger.commit(std::vector{close(4, 2)}));
  }
  options.retention.keep = std::chrono::hours(24);
  options.now = in_two_days;
  start({::geteuid()}, [&] { return Ledger(options); });
  while (committer_->first_record() < 5) std::this_thread::yield();
  EXPECT_EQ(committer_->health().deleted_records, 4U);
  DeliveryClient client = connect();
  const auto attached = client.ask(Attach{.sink = "otlp", .destination = ""});
  ASSERT_TRUE(attached && std::holds_alternative<Attached>(*attached));
  EXPECT_EQ(std::get<Attached>(*attached).next, 5U);
  EXPECT_EQ(client.ask(Read{.from = 4}), refused(DeliveryError::Deleted));
  EXPECT_EQ(client.read(5, 1)->records.size(), 1U);
  for (const std::uint64_t exchange : {1U, 2U})
    EXPECT_EQ(client.ask(ReadExchange{.session = session, .exchange = exchange}),
              refused(DeliveryError::Deleted));
  TearDown();  // before its options
}

TEST_F(DeliveryServerTest, AFailingLedgerSaysSoAndLosesNothing) {
  FaultyDisk disk;
  LedgerOptions options = options_for(path_);
  options.vfs = FaultyDisk::kName;
  options.reserved_bytes = 0;
  std::atomic<int> opened = 0;
  start({::geteuid()}, [&] {
    Ledger ledger(options);
    ++opened;
    return ledger;
  });
  add(4);
  DeliveryClient client = attach("otlp");
  client.ask(Confirm{.next = 2, .dead = {}, .cosigned = {}});
  disk.arm(FaultyDisk::Fault::SyncError, 1);
  EXPECT_EQ(client.ask(Confirm{.next = 4, .dead = {}, .cosigned = {}}),
            refused(DeliveryError::Unavailable));
  std::optional<DeliveryAnswer> again;
  do again = client.ask(Confirm{.next = 4, .dead = {}, .cosigned = {}});
  while (again == refused(DeliveryError::Unavailable));
  EXPECT_EQ(again, DeliveryAnswer(Attached{.next = 4, .first = 1, .last = 4}));
  EXPECT_EQ(opened, 2);
  EXPECT_EQ(client.read(4, 1)->records, std::vector{expected_[3]});
  TearDown();  // before its disk
}

}  // namespace
}  // namespace veilwire::recorder
