#include "agent/forwarder/delivery.h"

#include "tests/unit/forwarder/fake_recorder.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>
#include <stdlib.h>

namespace veilwire::forwarder {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

audit::ExchangeClose closed() {
  audit::ExchangeClose out;
  out.outcome = "complete";
  return out;
}
audit::Gap gap(std::string_view reason) {
  audit::Gap out;
  out.reason = reason;
  return out;
}

constexpr const char* kSession = "00112233445566aa";

audit::Record record(std::uint64_t exchange, audit::Body body) {
  return {.context = {.host = "host", .boot = "boot", .session = kSession, .exchange = exchange},
          .time = {},
          .body = std::move(body)};
}
audit::Record request() {
  audit::RequestHead head;
  head.method = "POST";
  head.target = "/v1/messages";
  return record(1, head);
}
audit::Record fragment(std::uint64_t exchange, std::string text, std::uint64_t offset = 0) {
  return record(exchange,
                audit::ResponseFragment{.offset = offset, .content = std::move(text), .masks = {}});
}

// What a destination has been told, and what it does.
struct Destination {
  std::vector<Told> taken;
  std::vector<std::size_t> asked;                             // told at once
  std::function<Sent(std::span<const Told>, int time)> does;  // empty: takes all
  int times = 0;
  bool asks_for_log = false;
  std::string log;  // of which it has been told that the records are
};

class FakeSink : public Sink {
 public:
  explicit FakeSink(Destination& destination) : destination_(destination) {}
  bool asks_for_log() const override { return destination_.asks_for_log; }
  void records_are_of(std::string origin) override { destination_.log = std::move(origin); }
  asio::awaitable<Sent> send(std::span<const Told> told) override {
    EXPECT_EQ(destination_.log.empty(), !destination_.asks_for_log);
    destination_.asked.push_back(told.size());
    Sent sent;
    sent.done = told.size();
    if (destination_.does) sent = destination_.does(told, destination_.times++);
    for (const Told& one : told.first(sent.done)) {
      const bool refused =
          std::any_of(sent.refused.begin(), sent.refused.end(),
                      [&](const Refusal& refusal) { return refusal.record == one.record; });
      if (!refused) destination_.taken.push_back(one);
    }
    co_return sent;
  }

 private:
  Destination& destination_;
};

class DeliveryTest : public testing::Test {
 protected:
  DeliveryTest() {
    char name[] = "/tmp/veilwire-delivery-XXXXXX";
    folder_ = ::mkdtemp(name);
    recorder_ = std::make_unique<FakeRecorder>(folder_ + "/delivery.sock");
  }
  ~DeliveryTest() override {
    io_.stop();
    delivery_.reset();
    recorder_.reset();
    std::filesystem::remove_all(folder_);
  }

  void start(DeliverySettings settings = {}) {
    settings.name = "test";
    settings.backoff = {.first = milliseconds(2), .longest = milliseconds(20)};
    delivery_ =
        std::make_unique<Delivery>(io_, settings, folder_ + "/delivery.sock",
                                   std::make_unique<FakeSink>(destination_), [] { return 7U; });
    asio::co_spawn(io_, delivery_->run(), asio::detached);
  }
  // Until the recorder has this position.
  void run_to(std::uint64_t next) {
    run_until([&] { return recorder_->next("test") >= next; });
    EXPECT_EQ(recorder_->next("test"), next);
  }
  void run_until(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!holds() && std::chrono::steady_clock::now() < end) io_.run_for(milliseconds(5));
    EXPECT_TRUE(holds());
  }
  std::vector<std::uint64_t> taken() const {
    std::vector<std::uint64_t> out;
    for (const Told& told : destination_.taken) out.push_back(told.record);
    return out;
  }
  void add_fragments(int count) {
    for (int i = 0; i < count; ++i) recorder_->add(fragment(1, "text " + std::to_string(i)));
  }
  static std::vector<std::uint64_t> up_to(std::uint64_t last) {
    std::vector<std::uint64_t> out;
    for (std::uint64_t n = 1; n <= last; ++n) out.push_back(n);
    return out;
  }

  std::string folder_;
  std::unique_ptr<FakeRecorder> recorder_;
  Destination destination_;
  asio::io_context io_;
  std::unique_ptr<Delivery> delivery_;
};

TEST_F(DeliveryTest, ASinkThatAsksForTheLogIsToldItFirst) {
  destination_.asks_for_log = true;
  add_fragments(3);
  start();
  run_to(4);
  EXPECT_EQ(destination_.log, "veilwire/3f6c1d0e/00000001");
  // And whenever the recorder has been found anew: it may be another ledger.
  destination_.log.clear();
  recorder_->cut();
  run_until([&] { return !destination_.log.empty(); });
}

TEST_F(DeliveryTest, ASinkThatIsMovedGoesOnFromThereEvenWhereItsDestinationTakesNothing) {
  add_fragments(3);
  start();
  run_to(4);
  destination_.does = [](std::span<const Told> told, int) {
    Sent sent;
    if (told.front().record < 4) {
      sent.done = told.size();
    } else {
      sent.problem = "what comes before is missing";
    }
    return sent;
  };
  recorder_->add(fragment(1, "more"));
  run_until([&] { return destination_.times > 2; });
  destination_.taken.clear();
  recorder_->move("test", 2);
  run_until([&] { return !destination_.taken.empty(); });
  EXPECT_EQ(taken().front(), 2U);
}

TEST_F(DeliveryTest, EveryRecordIsToldOnceInOrderAsItWasWritten) {
  add_fragments(500);
  start();
  run_to(501);
  EXPECT_EQ(taken(), up_to(500));
  for (const Told& told : destination_.taken) {
    ASSERT_TRUE(told.parsed);
    EXPECT_EQ(audit::canonical(told.parsed->record, told.parsed->writer, told.parsed->seq),
              told.canonical);
    EXPECT_FALSE(told.exchange);
  }
  // And what comes later.
  recorder_->add(fragment(1, std::string(200'000, 'x')));
  run_to(502);
  EXPECT_EQ(taken(), up_to(501));
  EXPECT_EQ(delivery_->state().next, 502U);
  EXPECT_EQ(delivery_->state().last, 501U);
  EXPECT_EQ(delivery_->state().sent, 501U);
  EXPECT_EQ(delivery_->state().problem, "");
}

TEST_F(DeliveryTest, BatchesAreBounded) {
  add_fragments(100);
  DeliverySettings settings;
  settings.batch_bytes = 2'000;
  start(settings);
  run_to(101);
  EXPECT_EQ(taken(), up_to(100));
  EXPECT_GT(destination_.asked.size(), 5U);
}

TEST_F(DeliveryTest, WhatADestinationDoesNotTakeIsSentAgainAndNothingBehindItBefore) {
  add_fragments(100);
  destination_.does = [](std::span<const Told> told, int time) {
    Sent sent;
    sent.done = time % 2 == 0 ? 0 : std::min<std::size_t>(told.size(), 30);
    if (sent.done < told.size()) sent.problem = "503";
    return sent;
  };
  start();
  run_to(101);
  EXPECT_EQ(taken(), up_to(100));
  EXPECT_EQ(delivery_->state().problem, "");
  EXPECT_GE(delivery_->state().attempts_failed, 4U);
}

TEST_F(DeliveryTest, AProblemIsShownWhileItLasts) {
  audit::Record record = fragment(1, "text");
  record.time.wall = {std::chrono::seconds(7)};
  recorder_->add(record);
  bool well = false;
  destination_.does = [&well](std::span<const Told> told, int) {
    Sent sent;
    sent.done = well ? told.size() : 0;
    if (!well) sent.problem = "the collector is away";
    return sent;
  };
  start();
  run_until([this] { return delivery_->state().attempts_failed > 2; });
  EXPECT_EQ(delivery_->state().problem, "the collector is away");
  EXPECT_EQ(delivery_->state().oldest, record.time.wall) << "and since when it lags";
  EXPECT_EQ(recorder_->next("test"), 1U);
  well = true;
  run_to(2);
  run_until([this] { return delivery_->state().problem.empty(); });
  EXPECT_EQ(delivery_->state().oldest, WallTime{});
}

TEST_F(DeliveryTest, WhatIsRefusedForGoodBecomesADeadLetterAndTheOthersGo) {
  constexpr std::uint64_t kRecords = 2 * protocol::kDeadLetters + 100;
  add_fragments(kRecords);
  destination_.does = [](std::span<const Told> told, int) {
    Sent sent;
    sent.done = told.size();
    for (const Told& one : told) {
      if (one.record % 10 != 0)
        sent.refused.push_back({one.record, "no\nthanks" + std::string(500, 'x')});
    }
    return sent;
  };
  start();
  run_to(kRecords + 1);
  EXPECT_EQ(destination_.taken.size(), kRecords / 10);
  const auto dead = recorder_->dead();
  EXPECT_EQ(dead.size(), kRecords - kRecords / 10);
  std::set<std::uint64_t> records;
  for (const auto& letter : dead) records.insert(letter.record);
  EXPECT_EQ(records.size(), dead.size());
  EXPECT_TRUE(dead.front().reason.starts_with("no?thanks"));
  EXPECT_EQ(delivery_->state().refused, dead.size());
}

TEST_F(DeliveryTest, ALedgerThatTakesNoPositionIsAskedAgainWithoutSendingAgain) {
  add_fragments(3);
  recorder_->refuse_confirms(4);
  start();
  run_to(4);
  EXPECT_EQ(taken(), up_to(3));
}

TEST_F(DeliveryTest, ARecorderThatGoesAndComesBackGoesOnWhereItStands) {
  add_fragments(50);
  int sends = 0;
  destination_.does = [this, &sends](std::span<const Told> told, int) {
    if (++sends == 1) recorder_->cut();
    Sent sent;
    sent.done = told.size();
    return sent;
  };
  start();
  run_to(51);
  // The first time it could not be confirmed: told again, under the same keys.
  std::set<std::uint64_t> records;
  for (const std::uint64_t n : taken()) records.insert(n);
  EXPECT_EQ(records.size(), 50U);
  EXPECT_EQ(destination_.taken.size(), 100U);
}

TEST_F(DeliveryTest, NoRecorderYetIsWaitedFor) {
  recorder_.reset();
  start();
  run_until([this] { return !delivery_->state().problem.empty(); });
  EXPECT_NE(delivery_->state().problem.find("cannot be reached"), std::string::npos);
  recorder_ = std::make_unique<FakeRecorder>(folder_ + "/delivery.sock");
  add_fragments(2);
  run_to(3);
}

TEST_F(DeliveryTest, WhatRetentionHasDeletedIsPassedOver) {
  add_fragments(20);
  recorder_->delete_before(11);
  start();
  run_to(21);
  EXPECT_EQ(taken().size(), 10U);
  EXPECT_EQ(taken().front(), 11U);
}

TEST_F(DeliveryTest, AWitnessIsHandedOn) {
  add_fragments(2);
  destination_.does = [](std::span<const Told> told, int) {
    Sent sent;
    sent.done = told.size();
    sent.cosigned = Sent::Cosignature{1, "a line"};
    return sent;
  };
  start();
  run_to(3);
  ASSERT_EQ(recorder_->cosigned().size(), 1U);
  EXPECT_EQ(recorder_->cosigned()[0], (protocol::Cosigned{1, "a line"}));
}

TEST_F(DeliveryTest, AnExchangeIsToldWholeWhenItHasEndedAndTheRestAsItComes) {
  recorder_->add(record(0, audit::SessionOpen{.peer = {},
                                              .destination = "192.0.2.1:443",
                                              .server_name = "api.anthropic.com",
                                              .handling = "intercepted",
                                              .tls = "TLSv1.3"}));
  recorder_->add(request());
  recorder_->add(fragment(1, "Hello "));
  DeliverySettings settings;
  settings.tell = Tell::Exchanges;
  settings.batch_bytes = 300;  // so that an exchange is read in parts
  start(settings);
  run_to(4);
  EXPECT_EQ(taken(), (std::vector<std::uint64_t>{1}));
  for (std::uint64_t i = 0; i < 40; ++i) {
    recorder_->add(fragment(1, "x", 6 + i));
    recorder_->add(fragment(2, "of another"));
  }
  recorder_->add(record(1, closed()));                                  // 84
  recorder_->add(record(0, audit::SessionClose{"client left", 0, 0}));  // 85
  run_to(86);
  EXPECT_EQ(taken(), (std::vector<std::uint64_t>{1, 84, 85}));
  const auto& exchange = destination_.taken[1].exchange;
  ASSERT_TRUE(exchange);
  ASSERT_TRUE(exchange->session);
  EXPECT_EQ(exchange->session->server_name, "api.anthropic.com");
  ASSERT_TRUE(exchange->request);
  EXPECT_EQ(exchange->request->target, "/v1/messages");
  EXPECT_EQ(exchange->response_body.content, "Hello " + std::string(40, 'x'));
  ASSERT_TRUE(exchange->close);
  EXPECT_EQ(exchange->close->outcome, "complete");
}

TEST_F(DeliveryTest, AnExchangeWhoseProxyHasGoneIsToldAtItsGap) {
  recorder_->add(request());
  recorder_->add(record(1, gap("unknown coding")));
  recorder_->add(record(1, gap(audit::kProxyGone)));
  DeliverySettings settings;
  settings.tell = Tell::Exchanges;
  start(settings);
  run_to(4);
  EXPECT_EQ(taken(), (std::vector<std::uint64_t>{3}));
  ASSERT_TRUE(destination_.taken[0].exchange);
  EXPECT_EQ(destination_.taken[0].exchange->gaps.size(), 2U);
}

TEST_F(DeliveryTest, WhatCannotBeReadIsToldAsItStands) {
  recorder_->add(std::string("not a record\n\xff"));
  add_fragments(1);
  start();
  run_to(3);
  ASSERT_EQ(destination_.taken.size(), 2U);
  EXPECT_FALSE(destination_.taken[0].parsed);
  EXPECT_EQ(destination_.taken[0].canonical, "not a record\n\xff");
}

}  // namespace
}  // namespace veilwire::forwarder
