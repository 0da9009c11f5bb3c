#include "userspace/flow/memory_budget.h"

#include "tests/unit/flow/relay_fixture.h"
#include "userspace/wire/content_coding.h"

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kFull = 8 * kMiB - 1;  // what one user may have of 16 MiB

TEST(MemoryBudget, GivesNoMoreThanThereIs) {
  MemoryBudget budget(10 * kMiB);
  EXPECT_TRUE(budget.take(1, 5 * kMiB));
  EXPECT_TRUE(budget.take(2, 4 * kMiB));
  EXPECT_FALSE(budget.take(3, 2 * kMiB));
  EXPECT_EQ(budget.held(), 9 * kMiB);
  budget.give_back(2, 4 * kMiB);
  EXPECT_TRUE(budget.take(3, 2 * kMiB));
}

TEST(MemoryBudget, NobodyHasMoreThanHalf) {
  MemoryBudget budget(10 * kMiB);
  EXPECT_TRUE(budget.take(1, 5 * kMiB));
  EXPECT_FALSE(budget.take(1, 1));
  EXPECT_TRUE(budget.has_room(2, 5 * kMiB));
}

TEST(MemoryBudget, WhatIsHereAlreadyIsCountedWhateverTheLimit) {
  auto budget = std::make_shared<MemoryBudget>(kMiB);
  {
    MemoryHold hold({budget, 1});
    hold.set(3 * kMiB);
    EXPECT_EQ(budget->held(), 3 * kMiB);
    EXPECT_FALSE(budget->has_room(2, 1));
    EXPECT_FALSE(budget->has_room(2, ~std::size_t{0}));
    MemoryHold moved(std::move(hold));
    EXPECT_FALSE(moved.resize(4 * kMiB));
    EXPECT_TRUE(moved.resize(2 * kMiB));
    EXPECT_EQ(budget->held(), 2 * kMiB);
  }
  EXPECT_EQ(budget->held(), 0U);
}

TEST(MemoryBudget, ALittleIsNeverRefused) {
  auto budget = std::make_shared<MemoryBudget>(0);
  MemoryHold hold({budget, 1});
  EXPECT_TRUE(hold.resize(kAlwaysHeld));
  EXPECT_FALSE(hold.resize(kAlwaysHeld + 1));
  EXPECT_EQ(budget->held(), kAlwaysHeld);
}

TEST(MemoryBudget, KeepsItsCountWithManyThreads) {
  auto budget = std::make_shared<MemoryBudget>(64 * kMiB);
  std::vector<std::thread> threads;
  for (std::uint32_t user = 0; user < 4; ++user) {
    threads.emplace_back([budget, user] {
      for (std::size_t i = 0; i < 2000; ++i) {
        MemoryHold hold({budget, user % 2});
        (void)hold.resize(i * 4096);
        hold.set(i);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(budget->held(), 0U);
}

// Connections of several users that share one budget.
class SharedMemory : public RelayTest {
 protected:
  struct Client {
    Client(const std::shared_ptr<const Ruleset>& ruleset, std::shared_ptr<MemoryBudget> budget,
           std::uint32_t uid, policy::Service service)
        : relay({"api.anthropic.com", service, {std::move(budget), uid}}, ruleset, sink) {
      relay.identity_known(person(), {});
    }
    SinkLog sink;
    HttpRelay relay;
  };
  std::unique_ptr<Client> connect(std::uint32_t uid,
                                  policy::Service service = policy::Service::Anthropic) {
    return std::make_unique<Client>(ruleset, budget, uid, service);
  }
  static std::string head(std::size_t length, std::string_view extra = "") {
    return "POST /v1/messages HTTP/1.1\r\nHost: api.anthropic.com\r\nContent-Type: "
           "application/json\r\n" +
           std::string(extra) + "Content-Length: " + std::to_string(length) + "\r\n\r\n";
  }
  static std::string json(std::size_t size) { return '"' + std::string(size - 2, 'x') + '"'; }
  // Half a request, which is held.
  std::unique_ptr<Client> holder(std::uint32_t uid, std::size_t bytes) {
    auto client = connect(uid);
    client->relay.from_client(head(bytes + 1), now);
    client->relay.from_client(json(bytes), now);
    EXPECT_FALSE(client->sink.closed);
    return client;
  }
  static void expect_overloaded(const SinkLog& sink) {
    EXPECT_THAT(sink.client, StartsWith("HTTP/1.1 529 Overloaded\r\n"));
    EXPECT_THAT(sink.client, HasSubstr("x-should-retry: true\r\n"));
    EXPECT_THAT(sink.client, HasSubstr("Retry-After: 2\r\n"));
    EXPECT_THAT(sink.client, HasSubstr(R"("type":"overloaded_error")"));
    EXPECT_EQ(sink.outcome(), "overloaded");
    ASSERT_EQ(sink.all<audit::Gap>().size(), 1U);
    EXPECT_EQ(sink.all<audit::Gap>()[0].reason, "overloaded");
    EXPECT_EQ(sink.all<audit::Gap>()[0].action, "block");
    EXPECT_TRUE(sink.closed);
    EXPECT_TRUE(sink.reading);  // what still comes is discarded: the answer arrives
  }

  std::shared_ptr<MemoryBudget> budget = std::make_shared<MemoryBudget>(16 * kMiB);
};

TEST_F(SharedMemory, EverythingIsGivenBackAtTheEndOfAnExchange) {
  auto one = connect(1);
  one->relay.from_client(post(json(kMiB)), now);
  EXPECT_THAT(one->sink.upstream, HasSubstr("xxx"));
  EXPECT_EQ(budget->held(), 0U);  // it has left
  const std::string response = answer(json(kMiB));
  one->relay.from_upstream(response.substr(0, response.size() - 1), now);
  EXPECT_GE(budget->held(), kMiB);
  one->relay.from_upstream(response.substr(response.size() - 1), now);
  EXPECT_EQ(one->sink.client, response);
  EXPECT_EQ(budget->held(), 0U);
}

TEST_F(SharedMemory, ALargeRequestWaitsUnreadUntilThereIsRoom) {
  auto first = holder(1, kFull);
  auto second = holder(2, kFull);
  auto late = connect(3);
  late->relay.from_client(head(2 * kMiB), now);
  EXPECT_FALSE(late->sink.reading);
  ASSERT_TRUE(late->relay.next_tick());
  late->relay.tick({now.mono + kRoomLook, {}});
  EXPECT_FALSE(late->sink.reading);
  first->relay.client_ended();
  late->relay.tick({now.mono + 2 * kRoomLook, {}});
  EXPECT_TRUE(late->sink.reading);
  EXPECT_EQ(late->relay.next_tick(), now.mono + 2 * kRoomLook + limits::kRequestHeadTime);
  late->relay.from_client(json(2 * kMiB - 10), now);
  late->relay.from_client("          ", now);
  EXPECT_EQ(late->sink.outcome(), "");
  EXPECT_THAT(late->sink.upstream, HasSubstr("xxx"));
}

TEST_F(SharedMemory, ALargeRequestThatHasWaitedInVainIsToldToComeBack) {
  auto first = holder(1, kFull);
  auto second = holder(2, kFull);
  auto late = connect(3);
  late->relay.from_client(head(3 * kMiB) + json(1000), now);
  late->relay.tick({now.mono + (kRoomTime - kRoomLook), {}});
  EXPECT_FALSE(late->sink.closed);
  late->relay.tick({now.mono + kRoomTime, {}});
  expect_overloaded(late->sink);
  EXPECT_EQ(late->sink.upstream, "");
  EXPECT_EQ(budget->refusals(), 1U);
  EXPECT_FALSE(first->sink.closed);
}

TEST_F(SharedMemory, WhoHoldsAlreadyIsRefusedInsteadOfWaitingForTheOthers) {
  auto first = holder(1, kFull);
  auto second = holder(2, kFull);
  auto third = connect(3);
  third->relay.from_client(
      "POST /v1/messages HTTP/1.1\r\nHost: api.anthropic.com\r\nContent-Type: "
      "application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
      now);
  for (int i = 0; i < 4; ++i) third->relay.from_client(chunk(json(kMiB)), now);
  expect_overloaded(third->sink);
}

TEST_F(SharedMemory, SmallRequestsGoOnMeanwhile) {
  auto first = holder(1, kFull);
  auto second = holder(2, kFull);
  auto small = connect(4);
  small->relay.from_client(post(json(20000)), now);
  EXPECT_THAT(small->sink.upstream, HasSubstr("xxx"));
}

TEST_F(SharedMemory, OneUserCannotLockOutTheOthers) {
  auto greedy = holder(1, 7 * kMiB);
  auto more = connect(1);
  more->relay.from_client(head(2 * kMiB), now);
  EXPECT_FALSE(more->sink.reading);
  auto other = connect(2);
  other->relay.from_client(post(json(2 * kMiB)), now);
  EXPECT_THAT(other->sink.upstream, HasSubstr("xxx"));
}

TEST_F(SharedMemory, WhatCouldNeverBeHeldIsTooLarge) {
  auto one = connect(1);
  one->relay.from_client(head(9 * kMiB), now);
  EXPECT_THAT(one->sink.client, StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(one->sink.client, HasSubstr("x-should-retry: false"));
  // It fits, but not beside what the scan needs.
  auto two = connect(2);
  two->relay.from_client(post(json(4 * kMiB)), now);
  EXPECT_THAT(two->sink.client, StartsWith("HTTP/1.1 413 "));
  EXPECT_EQ(two->sink.upstream, "");
  EXPECT_EQ(budget->held(), 0U);
}

TEST_F(SharedMemory, DecodedBytesCount) {
  std::string noise;  // that decodes to ten times its size
  for (int i = 0; noise.size() < 3 * kMiB; ++i) noise += "item " + std::to_string(i) + ", ";
  auto encoder = wire::Encoder::make({wire::Coding::Gzip});
  std::string coded;
  ASSERT_TRUE(encoder && encoder->feed('"' + noise + '"', coded) && encoder->finish(coded));
  auto first = holder(1, 6 * kMiB);
  auto late = connect(2);
  ASSERT_LT(coded.size(), kMiB + kMiB / 2);
  late->relay.from_client(head(coded.size(), "Content-Encoding: gzip\r\n") + coded, now);
  EXPECT_THAT(late->sink.client, StartsWith("HTTP/1.1 413 "));  // 3 + 2 * 3 > 8
  EXPECT_EQ(budget->held(), 6 * kMiB);
}

TEST_F(SharedMemory, AnAnswerForWhichThereIsNoRoomStreams) {
  auto one = connect(3);
  one->relay.from_client(post("{}"), now);
  auto first = holder(1, kFull);
  auto second = holder(2, kFull);
  const std::string body = R"({"content":[{"type":"text","text":"KEY-12345678 )" +
                           std::string(2 * kMiB, 'y') + R"("}]})";
  const std::string response = answer(body);
  for (std::size_t at = 0; at < response.size(); at += 32768)
    one->relay.from_upstream(std::string_view(response).substr(at, 32768), now);
  EXPECT_THAT(one->sink.client, HasSubstr("chunked"));
  EXPECT_THAT(one->sink.client, HasSubstr("[MASKED:test-key:"));
  EXPECT_THAT(one->sink.client, Not(HasSubstr("KEY-12345678")));
  EXPECT_EQ(one->sink.outcome(), "complete");
}

TEST_F(SharedMemory, AnEventWithoutEndStopsWhereThereIsNoRoom) {
  auto one = connect(3);
  one->relay.from_client(post(R"({"stream":true})"), now);
  auto first = holder(1, kFull);
  auto second = holder(2, kFull);
  one->relay.from_upstream(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
      now);
  for (int i = 0; i < 40 && !one->sink.closed; ++i)
    one->relay.from_upstream(chunk("data: " + std::string(32768, 'z')), now);
  EXPECT_EQ(one->sink.outcome(), "overloaded");
  EXPECT_THAT(dechunk(one->sink.client), HasSubstr("message_stop"));
  EXPECT_FALSE(one->sink.reset);
}

TEST_F(SharedMemory, AnMcpClientIsToldInItsOwnProtocol) {
  auto first = holder(1, kFull);
  auto second = holder(2, kFull);
  auto late = connect(3, policy::Service::Mcp);
  late->relay.from_client(head(3 * kMiB), now);
  late->relay.tick({now.mono + kRoomTime, {}});
  EXPECT_THAT(late->sink.client, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(late->sink.client, HasSubstr(R"("jsonrpc":"2.0")"));
  EXPECT_THAT(late->sink.client, HasSubstr("x-should-retry: true"));
}

}  // namespace
}  // namespace veilwire::flow
