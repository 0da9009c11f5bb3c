// Who an exchange runs as is known otherwise, or not at all, while it runs.
#include "tests/unit/flow/relay_fixture.h"
#include "userspace/base/limits.h"
#include "userspace/flow/http_relay.h"
#include "userspace/wire/content_coding.h"

#include <algorithm>
#include <random>
#include <regex>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

// Auditors see keys.
constexpr std::string_view kGroups = R"(
[[host]]
name = "api.anthropic.com"
speaks = "anthropic"
[[action]]
rule = "test-key"
group = "auditors"
action = "pass"
[uninspected]
over_limit = "pass"
not_text = "pass"
upgrade = "pass"
)";

std::string head(std::string_view type, std::string_view extra = "") {
  return "HTTP/1.1 200 OK\r\nContent-Type: " + std::string(type) + "\r\n" + std::string(extra) +
         "Transfer-Encoding: chunked\r\n\r\n";
}

const std::string kErrorEvent =
    "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"permission_error\","
    "\"message\":\"veilwire stopped this answer: signed out\"}}\n\n";

class RunningIdentity : public RelayTest {
 protected:
  explicit RunningIdentity(std::string host = "api.anthropic.com",
                           policy::Service service = policy::Service::Anthropic)
      : RelayTest(std::move(host), service, kGroups) {}

  void begin_stream() {
    client(post(R"({"stream":true})"));
    upstream(head("text/event-stream"));
    upstream(chunk(kOpening + delta("one ")));
  }
  void lose() { relay.identity_refused("signed out", false, false, now); }
  static identity::Person auditor() {
    identity::Person p = person();
    p.groups = {"auditors"};
    return p;
  }

  // The end, however it was said: the upstream is left, the record is complete and says why.
  void expect_lost(std::string_view answer) {
    EXPECT_TRUE(sink.closed);
    EXPECT_EQ(sink.upstream_reset, 1);
    EXPECT_EQ(sink.outcome(), "identity lost");
    const auto changes = sink.all<audit::IdentityChange>();
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_EQ(changes[0].what, "lost");
    EXPECT_EQ(changes[0].answer, answer);
    EXPECT_FALSE(changes[0].reason.empty());
    EXPECT_EQ(changes[0].person.name, "ada");
    const std::size_t given = sink.client.size();
    upstream(chunk(delta("more")));
    relay.upstream_ended(true, now);
    EXPECT_EQ(sink.client.size(), given);
    EXPECT_EQ(sink.all<audit::ExchangeClose>().size(), 1U);
  }
};

TEST_F(RunningIdentity, ALostPersonEndsAStreamWithAnErrorEvent) {
  begin_stream();
  lose();
  EXPECT_THAT(sink.client, EndsWith("0\r\n\r\n"));
  EXPECT_FALSE(sink.reset);
  const std::string body = dechunk(sink.client);
  EXPECT_EQ(body, kOpening + delta("one ") + kErrorEvent);
  EXPECT_EQ(sink.recorded_response(), body);
  expect_lost("error event");
}

TEST_F(RunningIdentity, ThatIsOnRecordBeforeAnythingOfItGoesOut) {
  begin_stream();
  sink.order.clear();
  lose();
  EXPECT_THAT(sink.order, testing::ElementsAre("record identity.change", "record response.fragment",
                                               "client", "client", "record exchange.close"));
}

TEST_F(RunningIdentity, WhatWasHeldWhenThePersonWasLostIsDropped) {
  begin_stream();
  upstream(chunk(delta("KEY-1234")));
  lose();
  EXPECT_THAT(dechunk(sink.client), EndsWith(delta("") + kErrorEvent));
}

// At whichever byte: what went out is a beginning of what would have gone out, then the error.
TEST_F(RunningIdentity, NoByteOfAnAnswerIsReleasedBehindTheLoss) {
  const std::string stream = kOpening + delta("a KEY-12345678 b ") + delta("KEY-8765") +
                             delta("4321 and BAD-1") + delta(" the end");
  const auto until = [&](std::size_t at) {
    SinkLog log;
    HttpRelay one({"api.anthropic.com", policy::Service::Anthropic}, ruleset, log);
    one.identity_known(person(), now);
    one.from_client(post(R"({"stream":true})"), now);
    one.from_upstream(head("text/event-stream"), now);
    if (at != 0) one.from_upstream(chunk(stream.substr(0, at)), now);
    const std::string before = log.client;
    one.identity_refused("signed out", false, false, now);
    EXPECT_EQ(dechunk(log.client), (at == 0 ? "" : dechunk(before)) + kErrorEvent) << at;
    EXPECT_EQ(log.recorded_response(), dechunk(log.client)) << at;
    EXPECT_EQ(log.outcome(), "identity lost") << at;
    one.from_upstream(chunk(stream.substr(at)), now);
    EXPECT_EQ(log.recorded_response(), dechunk(log.client)) << at;
    return dechunk(before.empty() ? log.client : before);
  };
  client(post(R"({"stream":true})"));
  upstream(head("text/event-stream"));
  upstream(chunk(stream));
  const std::string whole = dechunk(sink.client);
  for (std::size_t at = 1; at < stream.size(); ++at) EXPECT_THAT(whole, StartsWith(until(at)));
}

// Keys and their masks are one, and so are events that a text is cut into.
std::string without_keys(const std::string& body) {
  static const std::regex kKey(R"(KEY-[0-9]{8}|\[MASKED:test-key:[0-9a-f]+\])");
  return std::regex_replace(body, kKey, "K");
}

// Whatever is said of the person between the pieces: all that went out is on record, but for the
// keys, which an auditor alone sees, and with the loss it is over.
TEST_F(RunningIdentity, AnyOrderOfWhatIsSaidKeepsTheRecordAndThePolicy) {
  std::string stream = kOpening;
  for (int n = 0; n < 8; ++n) stream += delta("a KEY-1234567" + std::to_string(n) + " b");
  for (unsigned seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    SinkLog log;
    HttpRelay one({"api.anthropic.com", policy::Service::Anthropic}, ruleset, log);
    one.identity_known(person(), now);
    one.from_client(post(R"({"stream":true})"), now);
    one.from_upstream(head("text/event-stream"), now);
    bool audited = false, lost = false;
    for (std::string_view rest = stream; !rest.empty() && !lost;) {
      switch (random() % 6) {
        case 0:
          one.identity_known(auditor(), now);
          audited = true;
          break;
        case 1:
          one.identity_known(person(), now);
          break;
        case 2:
          one.identity_doubted();
          break;
        case 3:
          lost = random() % 8 == 0;
          if (lost) one.identity_refused("signed out", false, false, now);
          break;
        default: {
          const std::size_t size = std::min<std::size_t>(rest.size(), 1 + random() % 60);
          one.from_upstream(chunk(rest.substr(0, size)), now);
          rest.remove_prefix(size);
        }
      }
      if (!audited) {
        EXPECT_EQ(log.recorded_response(), dechunk(log.client));
      }
    }
    const std::string given = dechunk(log.client);
    if (!lost) one.client_ended();
    EXPECT_EQ(log.recorded_response().find("KEY-1234567"), std::string::npos);
    EXPECT_EQ(without_keys(log.recorded_response()), without_keys(given));
    EXPECT_TRUE(audited || given.find("KEY-1234567") == std::string::npos);
    EXPECT_TRUE(log.closed);
    EXPECT_EQ(given.ends_with(kErrorEvent), lost);
    one.from_upstream(chunk(stream), now);
    EXPECT_EQ(dechunk(log.client), given);
  }
}

TEST_F(RunningIdentity, ACodedStreamEndsInItsCoding) {
  client(post(R"({"stream":true})"));
  upstream(head("text/event-stream", "Content-Encoding: gzip\r\n"));
  auto encoder = wire::Encoder::make({wire::Coding::Gzip});
  ASSERT_TRUE(encoder);
  std::string coded;
  ASSERT_TRUE(encoder->feed(kOpening + delta("one "), coded));
  upstream(chunk(coded));
  lose();
  auto decoder = wire::Decoder::make({wire::Coding::Gzip});
  std::string body;
  ASSERT_TRUE(decoder && decoder->feed(dechunk(sink.client), body) && decoder->finish());
  EXPECT_THAT(body, EndsWith(kErrorEvent));
  expect_lost("error event");
}

TEST_F(RunningIdentity, BehindTheEndOfAMessageThereIsNoErrorAnyMore) {
  begin_stream();
  upstream(
      chunk("event: message_delta\ndata: "
            "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{"
            "\"output_tokens\":2}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
  lose();
  EXPECT_THAT(dechunk(sink.client), EndsWith("{\"type\":\"message_stop\"}\n\n"));
  EXPECT_FALSE(sink.reset);
}

TEST_F(RunningIdentity, ABodyThatHasNoWordForAnErrorIsReset) {
  for (const std::string_view type : {"text/plain", "image/png", "application/jsonl"}) {
    SCOPED_TRACE(type);
    SinkLog log;
    HttpRelay one({"api.anthropic.com", policy::Service::Anthropic}, ruleset, log);
    one.identity_known(person(), now);
    one.from_client(post("{}"), now);
    one.from_upstream(head(type), now);
    one.from_upstream(chunk(std::string(limits::kHeldJsonResponse, ' ')), now);
    one.from_upstream(chunk("{}\n"), now);
    const std::string before = log.client;
    EXPECT_FALSE(before.empty());
    one.identity_refused("signed out", false, false, now);
    EXPECT_EQ(log.client, before);
    EXPECT_TRUE(log.reset);
    EXPECT_EQ(log.all<audit::IdentityChange>().at(0).answer, "reset");
    EXPECT_EQ(log.outcome(), "identity lost");
  }
}

TEST_F(RunningIdentity, ALongDocumentIsNotMadeToLookWhole) {
  client(post("{}"));
  upstream("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
           std::to_string(limits::kHeldJsonResponse + 1) + "\r\n\r\n{\"a\":\"b");
  lose();
  EXPECT_THAT(sink.client, Not(HasSubstr("}")));
  EXPECT_TRUE(sink.reset);
  expect_lost("reset");
}

TEST_F(RunningIdentity, AnAnswerOfWhichNothingHasGoneOutBecomesARefusal) {
  client(post("{}"));
  upstream("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{\"a\"");
  EXPECT_EQ(sink.client, "");
  lose();
  EXPECT_THAT(sink.client, StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(sink.client, HasSubstr("signed out"));
  EXPECT_THAT(sink.client, Not(HasSubstr("\"a\"")));
  expect_lost("error response");
}

TEST_F(RunningIdentity, ARequestThatIsNotAnsweredYetIsRefused) {
  client(post("{}"));
  lose();
  EXPECT_THAT(sink.client, StartsWith("HTTP/1.1 403 "));
  expect_lost("error response");
}

TEST_F(RunningIdentity, AnUploadIsNotTakenFurther) {
  client(
      "POST /v1/files HTTP/1.1\r\nHost: api.anthropic.com\r\nContent-Type: application/json\r\n"
      "Content-Length: " +
      std::to_string(limits::kRequestBody + 2) + "\r\n\r\n");
  client(std::string(limits::kRequestBody + 1, ' '));
  const std::size_t sent = sink.upstream.size();
  EXPECT_GT(sent, limits::kRequestBody);
  lose();
  client(" ");
  EXPECT_EQ(sink.upstream.size(), sent);
  EXPECT_THAT(sink.client, StartsWith("HTTP/1.1 403 "));
  expect_lost("error response");
}

TEST_F(RunningIdentity, ATunnelIsReset) {
  client(
      "GET /ws HTTP/1.1\r\nHost: api.anthropic.com\r\nConnection: Upgrade\r\nUpgrade: "
      "websocket\r\n\r\n");
  upstream(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nx");
  lose();
  EXPECT_TRUE(sink.reset);
  expect_lost("reset");
}

TEST_F(RunningIdentity, WhoCannotBeAskedAboutIsToldToTryAgain) {
  begin_stream();
  relay.identity_refused("no answer", true, false, now);
  EXPECT_THAT(dechunk(sink.client), HasSubstr("\"api_error\""));
  EXPECT_EQ(sink.outcome(), "identity unconfirmed");
}

TEST_F(RunningIdentity, SomebodyElseDoesNotGetTheRest) {
  begin_stream();
  identity::Person bob = person();
  bob.subject = "1001";
  relay.identity_known(bob, now);
  EXPECT_THAT(dechunk(sink.client), HasSubstr("somebody else has signed in"));
  expect_lost("error event");
}

TEST_F(RunningIdentity, OtherGroupsCountFromTheNextByteOn) {
  begin_stream();
  upstream(chunk(delta("KEY-11111111 ")));
  relay.identity_known(auditor(), now);
  upstream(chunk(delta("KEY-22222222 ")));
  relay.identity_known(person(), now);
  upstream(chunk(delta("KEY-33333333 ") + delta("over")));
  const std::string body = dechunk(sink.client);
  EXPECT_THAT(body, Not(HasSubstr("KEY-11111111")));
  EXPECT_THAT(body, HasSubstr("KEY-22222222"));
  EXPECT_THAT(body, Not(HasSubstr("KEY-33333333")));
  EXPECT_EQ(sink.recorded_response().find("KEY-3"), std::string::npos);
  const auto changes = sink.all<audit::IdentityChange>();
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0].what, "changed");
  EXPECT_EQ(changes[0].answer, "");
  EXPECT_EQ(changes[0].person.groups, auditor().groups);
  EXPECT_THAT(changes[1].person.groups, IsEmpty());
}

TEST_F(RunningIdentity, WhatIsHeldIsJudgedAnewForOtherGroups) {
  relay.identity_known(auditor(), now);
  client(post("{}"));
  const std::string body = R"({"a":"KEY-12345678","b":1})";
  const std::string whole = answer(body);
  upstream(whole.substr(0, whole.size() - 2));
  relay.identity_known(person(), now);
  upstream(whole.substr(whole.size() - 2));
  EXPECT_THAT(sink.client, HasSubstr("MASKED"));
  EXPECT_THAT(sink.client, Not(HasSubstr("KEY-12345678")));
}

TEST_F(RunningIdentity, AnOldWordIsOnRecord) {
  begin_stream();
  identity::Person cached = person();
  cached.standing = identity::Standing::Cached;
  relay.identity_known(cached, now);
  relay.identity_known(cached, now);
  ASSERT_EQ(sink.all<audit::IdentityChange>().size(), 1U);
  EXPECT_EQ(sink.all<audit::IdentityChange>()[0].person.standing, identity::Standing::Cached);
  EXPECT_FALSE(sink.closed);
}

TEST_F(RunningIdentity, TheSameAnswerAgainChangesNothing) {
  begin_stream();
  const auto before = sink.order;
  identity::Person again = person();
  again.valid_until = {hours(5)};
  again.confirmed_at = {hours(1)};
  relay.identity_known(again, now);
  EXPECT_EQ(sink.order, before);
}

TEST_F(RunningIdentity, ALongStreamIsAskedAboutOnceItsAnswerHasExpired) {
  begin_stream();
  EXPECT_EQ(relay.next_tick(), person().valid_until);
  now.mono = {hours(1)};
  relay.tick(now);
  relay.tick(now);
  EXPECT_EQ(sink.identity_asked, 1);
  upstream(chunk(delta("two ")));
  EXPECT_THAT(dechunk(sink.client), HasSubstr("two "));
  identity::Person renewed = person();
  renewed.valid_until = {hours(2)};
  relay.identity_known(renewed, now);
  EXPECT_EQ(relay.next_tick(), renewed.valid_until);
}

TEST_F(RunningIdentity, AnAnswerThatDoesNotLastIsNotAskedForWithoutPause) {
  begin_stream();
  now.mono = {hours(1)};
  relay.tick(now);
  relay.identity_known(person(), now);
  EXPECT_EQ(relay.next_tick(), now.mono + seconds(1));
}

TEST_F(RunningIdentity, ADoubtIsAskedAboutAtOnceWhereSomethingRuns) {
  begin_stream();
  relay.identity_doubted();
  relay.identity_doubted();
  EXPECT_EQ(sink.identity_asked, 1);
  EXPECT_TRUE(sink.asked_at_once);
  relay.identity_known(person(), now);
  relay.identity_doubted();
  EXPECT_EQ(sink.identity_asked, 2);
  upstream(chunk(delta("two ")));
  EXPECT_THAT(dechunk(sink.client), HasSubstr("two "));
}

TEST_F(RunningIdentity, ADoubtIsAskedAboutBeforeTheNextRequestWhereNothingRuns) {
  relay.identity_doubted();
  EXPECT_EQ(sink.identity_asked, 0);
  EXPECT_FALSE(relay.next_tick());
  client(post("{}"));
  EXPECT_EQ(sink.identity_asked, 1);
  EXPECT_FALSE(sink.asked_at_once);
  EXPECT_EQ(sink.upstream, "");
  relay.identity_known(person(), now);
  EXPECT_EQ(sink.upstream, post("{}"));
}

TEST_F(RunningIdentity, ADoubtAboutAnExchangeThatHasEndedMeanwhileHoldsForTheNextOne) {
  client(post("{}"));
  relay.identity_doubted();
  upstream(answer("{}"));
  client(post("{}"));
  EXPECT_EQ(sink.upstream, post("{}"));
  relay.identity_refused("signed out", false, true, now);
  EXPECT_THAT(sink.client, EndsWith("veilwire: signed out\"}}"));
  EXPECT_EQ(sink.outcome(), "sign-in wanted");
}

class RunningCall : public RunningIdentity {
 protected:
  RunningCall() : RunningIdentity("mcp.example.com", policy::Service::Mcp) {}
  void begin(std::string_view method) {
    const std::string body =
        R"({"jsonrpc":"2.0","id":7,"method":")" + std::string(method) + R"("})";
    client(
        "POST /mcp HTTP/1.1\r\nHost: mcp.example.com\r\nContent-Type: application/json\r\n"
        "Content-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body);
  }
};

TEST_F(RunningCall, EndsWithAJsonRpcErrorInItsStream) {
  begin("tools/call");
  upstream(head("text/event-stream"));
  upstream(chunk("event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"x\"}\n\n"));
  lose();
  EXPECT_THAT(dechunk(sink.client),
              EndsWith("event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":"
                       "-32603,\"message\":\"veilwire stopped this answer: signed out\"}}\n\n"));
  expect_lost("error event");
}

TEST_F(RunningCall, EndsWithAJsonRpcErrorInsteadOfItsAnswer) {
  begin("tools/call");
  lose();
  EXPECT_THAT(sink.client, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(sink.client, HasSubstr(R"("id":7,"error":)"));
  expect_lost("error response");
}

TEST_F(RunningCall, AStreamThatAnswersNothingIsReset) {
  client("GET /mcp HTTP/1.1\r\nHost: mcp.example.com\r\nAccept: text/event-stream\r\n\r\n");
  upstream(head("text/event-stream"));
  upstream(chunk(": hello\n\n"));
  lose();
  EXPECT_THAT(dechunk(sink.client), EndsWith(": hello\n\n"));
  EXPECT_TRUE(sink.reset);
  expect_lost("reset");
}

}  // namespace
}  // namespace veilwire::flow
