// What bad input gets: every refusal is a complete answer in the client's own protocol, or a reset
// where none is left.
#include "tests/unit/flow/relay_fixture.h"
#include "userspace/base/limits.h"
#include "userspace/flow/http_relay.h"
#include "userspace/wire/content_coding.h"
#include "userspace/wire/http1.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

class Refusals : public RelayTest {
 protected:
  // A whole HTTP answer with this status, not to be tried again, and the connection ends behind it.
  void expect_refusal(int status, std::string_view words) {
    EXPECT_THAT(sink.client, StartsWith("HTTP/1.1 " + std::to_string(status) + " "));
    EXPECT_THAT(sink.client, HasSubstr(words));
    EXPECT_TRUE(sink.closed);
    EXPECT_FALSE(sink.reset);
    wire::ResponseReader reader;
    ASSERT_TRUE(reader.expect({}));
    std::vector<wire::HttpEvent> events;
    EXPECT_EQ(reader.feed(sink.client, events), sink.client.size());
    EXPECT_TRUE(std::holds_alternative<wire::MessageEnd>(events.back()));
    EXPECT_THAT(sink.client, HasSubstr("\"type\":\"error\""));
  }
};

TEST_F(Refusals, ABlockedRequestNeverLeaves) {
  client(post(R"({"messages":[{"role":"user","content":"BAD-1234"}]})"));
  EXPECT_EQ(sink.upstream, "");
  expect_refusal(451, "bad-word");
  EXPECT_THAT(sink.client, HasSubstr("x-should-retry: false"));
  EXPECT_THAT(sink.client, Not(HasSubstr("BAD-1234")));
  EXPECT_EQ(sink.outcome(), "blocked");
  EXPECT_EQ(sink.all<audit::Blocked>().size(), 1U);
}

TEST_F(Refusals, ABlockedJsonAnswerBecomesA451) {
  client(post("{}"));
  upstream(answer(R"({"content":[{"type":"text","text":"well BAD-1234"}]})"));
  expect_refusal(451, "bad-word");
  EXPECT_THAT(sink.client, Not(HasSubstr("well")));
}

TEST_F(Refusals, ABlockedStreamEndsProperlyWithANotice) {
  client(post(R"({"stream":true})"));
  upstream(std::string(kStreamHead) +
           chunk(kOpening + delta("fine ") + delta("BAD-") + delta("1234 more")));
  const std::string body = dechunk(sink.client);
  EXPECT_THAT(body, HasSubstr("fine "));
  EXPECT_THAT(body, Not(HasSubstr("BAD-1")));
  EXPECT_THAT(body, Not(HasSubstr("event: error")));
  EXPECT_THAT(body, HasSubstr("stopped by policy"));
  EXPECT_THAT(body, HasSubstr("\"stop_reason\":\"end_turn\""));
  EXPECT_THAT(body, testing::EndsWith("\n\n"));
  EXPECT_THAT(body.substr(body.rfind("event:")), HasSubstr("message_stop"));
  EXPECT_THAT(sink.client, testing::EndsWith("0\r\n\r\n"));
  EXPECT_TRUE(sink.closed);
  EXPECT_FALSE(sink.reset);
  EXPECT_EQ(sink.upstream_dropped, 1);
  EXPECT_EQ(sink.outcome(), "blocked");
}

TEST_F(Refusals, MalformedHttpIsA400) {
  client(
      "POST /v1/messages HTTP/1.1\r\nHost: api.anthropic.com\r\nContent-Length: "
      "5\r\nTransfer-Encoding: chunked\r\n\r\n");
  expect_refusal(400, "malformed HTTP request");
  EXPECT_EQ(sink.upstream, "");
}

TEST_F(Refusals, ARequestForAnotherHostIsMisdirected) {
  client("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  expect_refusal(421, "api.anthropic.com");
}

TEST_F(Refusals, AHostWithAPortIsTheSameHost) {
  client("GET / HTTP/1.1\r\nHost: api.anthropic.com:443\r\n\r\n");
  EXPECT_FALSE(sink.closed);
  EXPECT_NE(sink.upstream, "");
}

TEST_F(Refusals, ABodyThatSaysThatItIsOverTheLimitIsA413BeforeItIsSent) {
  client(
      "POST /v1/messages HTTP/1.1\r\nHost: api.anthropic.com\r\nContent-Type: "
      "application/json\r\nExpect: 100-continue\r\nContent-Length: " +
      std::to_string(limits::kRequestBody + 10) + "\r\n\r\n");
  expect_refusal(413, "larger than what can be inspected");
  EXPECT_THAT(sink.client, Not(HasSubstr("100 Continue")));
  EXPECT_EQ(sink.upstream, "");
}

TEST_F(Refusals, ABodyOverTheLimitIsA413) {
  client(
      "POST /v1/messages HTTP/1.1\r\nHost: api.anthropic.com\r\nContent-Type: "
      "application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string megabyte = chunk(std::string(1024 * 1024, ' '));
  for (std::size_t sent = 0; sent <= limits::kRequestBody && !sink.closed; sent += 1024 * 1024)
    client(megabyte);
  expect_refusal(413, "larger than what can be inspected");
  EXPECT_EQ(sink.upstream, "");
}

TEST_F(Refusals, AnUnknownRequestCodingIsRefusedOrPassesAsPolicySays) {
  client(post("xyz", "Content-Encoding: snappy\r\n"));
  expect_refusal(451, "unknown_coding");
  ASSERT_EQ(sink.all<audit::Gap>().size(), 1U);
  EXPECT_EQ(sink.all<audit::Gap>()[0].action, "block");
}

TEST_F(Refusals, AnUnknownAnswerCodingIsRefusedOrPassesAsPolicySays) {
  client(post("{}"));
  upstream(answer("xyz", "Content-Encoding: snappy\r\n"));
  expect_refusal(451, "unknown_coding");
}

std::string zstd(std::string_view text) {
  auto encoder = wire::Encoder::make({wire::Coding::Zstd});
  std::string out;
  EXPECT_TRUE(encoder && encoder->feed(text, out) && encoder->finish(out));
  return out;
}

constexpr std::string_view kBombHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: zstd\r\n"
    "Transfer-Encoding: chunked\r\n\r\n";

TEST_F(Refusals, ABombInARequestIsA413) {
  client(post(zstd('"' + std::string(4'000'000, ' ') + '"'), "Content-Encoding: zstd\r\n"));
  expect_refusal(413, "out of proportion");
  ASSERT_EQ(sink.all<audit::Gap>().size(), 1U);
  EXPECT_EQ(sink.all<audit::Gap>()[0].reason, "over_limit");
  EXPECT_EQ(sink.upstream, "");
}

TEST_F(Refusals, APatientBombInARequestMeetsTheLimitOfARequest) {
  std::string noise = "\"";
  std::uint32_t seed = 1;
  while (noise.size() < limits::kRequestBody) {
    for (int i = 0; i < 64; ++i) {
      seed = seed * 1664525 + 1013904223;
      noise += static_cast<char>('a' + (seed >> 24) % 26);
    }
    noise.append(1500, ' ');
  }
  const std::string coded = zstd(noise + '"');
  ASSERT_LT(noise.size() / coded.size(), limits::kCodingRatio);
  client(post(coded, "Content-Encoding: zstd\r\n"));
  expect_refusal(413, "decoded size too large");
}

TEST_F(Refusals, ABombInAnAnswerIsACleanErrorBeforeMuchOfItIsSeen) {
  client(post("{}"));
  upstream(answer(zstd('"' + std::string(4'000'000, ' ') + '"'), "Content-Encoding: zstd\r\n"));
  expect_refusal(502, "out of proportion");
  EXPECT_THAT(sink.client, HasSubstr("x-should-retry: false"));
  ASSERT_EQ(sink.all<audit::Gap>().size(), 1U);
  EXPECT_EQ(sink.all<audit::Gap>()[0].reason, "over_limit");
  EXPECT_EQ(sink.all<audit::Gap>()[0].action, "block");
}

TEST_F(Refusals, ABombInAStreamEndsItProperly) {
  client(post(R"({"stream":true})"));
  upstream(std::string(kBombHead));
  upstream(chunk(zstd(kOpening + "data: " + std::string(4'000'000, ' '))));
  EXPECT_EQ(sink.outcome(), "upstream malformed");
  EXPECT_FALSE(sink.reset);
  ASSERT_EQ(sink.all<audit::Gap>().size(), 1U);
  EXPECT_EQ(sink.all<audit::Gap>()[0].reason, "over_limit");
  std::size_t recorded = sink.recorded_response().size();
  EXPECT_LT(recorded, std::size_t{2'000'000});
}

class Lenient : public RelayTest {
 protected:
  Lenient()
      : RelayTest("api.anthropic.com", policy::Service::Anthropic, R"(
[[host]]
name = "api.anthropic.com"
speaks = "anthropic"
[uninspected]
unknown_coding = "pass"
over_limit = "pass"
upgrade = "pass"
malformed = "pass"
)") {}
};

TEST_F(Lenient, WhatCannotBeInspectedPassesUntouchedWithAGapOnRecord) {
  client(post("xyz", "Content-Encoding: snappy\r\n"));
  EXPECT_EQ(sink.upstream, post("xyz", "Content-Encoding: snappy\r\n"));
  upstream(answer("xyz", "Content-Encoding: snappy\r\n"));
  EXPECT_EQ(sink.client, answer("xyz", "Content-Encoding: snappy\r\n"));
  const auto gaps = sink.all<audit::Gap>();
  ASSERT_EQ(gaps.size(), 2U);
  EXPECT_EQ(gaps[0].action, "pass");
  EXPECT_EQ(gaps[1].bytes, 3U);
}

TEST_F(Lenient, WhatPassesUninspectedIsOnRecordBeforeItGoes) {
  client(post("{}"));
  upstream("HTTP/1.1 200 OK\r\nContent-Encoding: snappy\r\nTransfer-Encoding: chunked\r\n\r\n");
  upstream(chunk("xyz"));
  const auto gaps = sink.all<audit::Gap>();
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps[0].reason, "unknown_coding");
  relay.client_ended();
  const auto closes = sink.all<audit::ExchangeClose>();
  ASSERT_EQ(closes.size(), 1U);
  EXPECT_EQ(closes[0].response_bytes, 3U);
  EXPECT_EQ(sink.outcome(), "client left");
}

constexpr std::string_view kBrokenEvent = "event: content_block_delta\ndata: {\"type\":\n\n";

TEST_F(Lenient, WhatPassesBehindAFaultOfAStreamIsNotWrittenDown) {
  client(post(R"({"stream":true})"));
  const std::string rest = std::string(kBrokenEvent) + delta("KEY-87654321");
  upstream(std::string(kStreamHead) + chunk(kOpening + delta("fine KEY-12345678") + rest));
  upstream(chunk(delta("KEY-11112222")));
  upstream("0\r\n\r\n");
  const std::string body = dechunk(sink.client);
  EXPECT_TRUE(body.ends_with(rest + delta("KEY-11112222")));
  EXPECT_THAT(body, Not(HasSubstr("KEY-12345678")));
  EXPECT_EQ(sink.recorded_response() + rest + delta("KEY-11112222"), body);
  const auto gaps = sink.all<audit::Gap>();
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps[0].reason, "malformed");
  EXPECT_EQ(gaps[0].action, "pass");
  EXPECT_EQ(sink.outcome(), "complete");
  EXPECT_EQ(sink.all<audit::ExchangeClose>()[0].response_bytes, body.size());
}

TEST_F(Lenient, WhatPassesBehindAFaultOfADocumentIsNotWrittenDown) {
  client(post("{}"));
  const std::string begin = "{\"content\":[{\"text\":\"KEY-12345678\"}],\"pad\":\"" +
                            std::string(limits::kHeldJsonResponse, 'x') + "\"";
  upstream(answer(begin + " KEY-87654321"));
  const std::string body = dechunk(sink.client);
  EXPECT_THAT(body, HasSubstr("KEY-87654321"));
  EXPECT_THAT(sink.recorded_response(), HasSubstr("[MASKED:test-key:"));
  EXPECT_THAT(sink.recorded_response(), Not(HasSubstr("KEY-")));
}

TEST_F(Lenient, ABodyOverTheLimitPassesAsItComes) {
  const std::string head =
      "POST /v1/files HTTP/1.1\r\nHost: api.anthropic.com\r\nContent-Type: "
      "application/json\r\nContent-Length: " +
      std::to_string(limits::kRequestBody + 1024 * 1024) + "\r\n\r\n";
  client(head);
  const std::string megabyte(1024 * 1024, ' ');
  for (std::size_t sent = 0; sent < limits::kRequestBody + 1024 * 1024; sent += megabyte.size())
    client(megabyte);
  EXPECT_EQ(sink.upstream.size(), head.size() + limits::kRequestBody + 1024 * 1024);
  upstream(answer("{}"));
  EXPECT_EQ(sink.client, answer("{}"));
}

class Upload : public Lenient {
 protected:
  // So much that it passes unseen, and a megabyte is still to come.
  void begin() {
    client(
        "POST /v1/files HTTP/1.1\r\nHost: api.anthropic.com\r\nContent-Type: "
        "application/json\r\nContent-Length: " +
        std::to_string(limits::kRequestBody + 2 * kMegabyte) + "\r\n\r\n");
    const std::string megabyte(kMegabyte, ' ');
    for (std::size_t sent = 0; sent <= limits::kRequestBody; sent += kMegabyte) client(megabyte);
    ASSERT_NE(sink.upstream, "");
  }
  static constexpr std::size_t kMegabyte = 1024 * 1024;
};

TEST_F(Upload, AnUpstreamThatLeavesUnderItIsABadGateway) {
  begin();
  relay.upstream_ended(true, now);
  EXPECT_THAT(sink.client, StartsWith("HTTP/1.1 502 "));
  EXPECT_TRUE(sink.closed);
  EXPECT_FALSE(sink.reset);
  const std::size_t sent = sink.upstream.size();
  client("more");
  EXPECT_EQ(sink.upstream.size(), sent);
}

TEST_F(Upload, AnUpstreamThatCannotBeReachedIsABadGateway) {
  begin();
  relay.upstream_failed("connection refused", true, now);
  EXPECT_THAT(sink.client, StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(sink.outcome(), "upstream failed");
}

TEST_F(Upload, AnEarlyAnswerArrivesAndEndsTheConnection) {
  begin();
  const std::string answer =
      "HTTP/1.1 413 Content Too Large\r\nContent-Type: application/json\r\nContent-Length: "
      "2\r\n\r\n{}";
  upstream(answer);
  EXPECT_EQ(sink.client, answer);
  EXPECT_TRUE(sink.closed);
  EXPECT_FALSE(sink.reset);
  EXPECT_EQ(sink.outcome(), "complete");
  client("more");
}

TEST_F(Upload, AClientThatLeavesTakesItsUpstreamAlong) {
  begin();
  relay.client_ended();
  EXPECT_EQ(sink.upstream_reset, 1);
  EXPECT_EQ(sink.outcome(), "client left");
  EXPECT_GT(sink.all<audit::ExchangeClose>()[0].request_bytes, limits::kRequestBody);
}

TEST_F(Upload, AnUpgradeThatWasNotSentCannotBeAnswered) {
  client(
      "POST /v1/files HTTP/1.1\r\nHost: api.anthropic.com\r\nConnection: Upgrade\r\nUpgrade: "
      "websocket\r\nContent-Length: " +
      std::to_string(limits::kRequestBody + 2 * kMegabyte) + "\r\n\r\n");
  const std::string megabyte(kMegabyte, ' ');
  for (std::size_t sent = 0; sent <= limits::kRequestBody; sent += kMegabyte) client(megabyte);
  upstream("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nx");
  EXPECT_THAT(sink.client, StartsWith("HTTP/1.1 502 "));
}

TEST_F(Lenient, AnUpgradeBecomesATunnel) {
  const std::string request =
      "GET /ws HTTP/1.1\r\nHost: api.anthropic.com\r\nConnection: Upgrade\r\nUpgrade: "
      "websocket\r\n\r\n";
  client(request);
  EXPECT_EQ(sink.upstream, request);
  upstream(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
      "websocket\r\n\r\n\x81\x01x");
  client("\x81\x01y");
  EXPECT_THAT(sink.client, testing::EndsWith("\r\n\r\n\x81\x01x"));
  EXPECT_THAT(sink.upstream, testing::EndsWith("\x81\x01y"));
  relay.client_ended();
  EXPECT_EQ(sink.outcome(), "tunnel closed");
}

TEST_F(Lenient, NoPolicyLetsABombThroughWhoseEndNobodyCanRead) {
  client(post("{}"));
  upstream(std::string(kBombHead));
  upstream(chunk(zstd("data: " + std::string(4'000'000, ' '))));
  EXPECT_EQ(sink.outcome(), "upstream malformed");
  EXPECT_THAT(sink.client, testing::EndsWith("0\r\n\r\n"));
}

TEST_F(Lenient, JsonThatIsNoneAndMayPassIsDeliveredAsItCame) {
  client(post("{}"));
  upstream(answer("{\"a\":"));
  EXPECT_EQ(sink.client, answer("{\"a\":"));
}

TEST_F(Refusals, AnUpgradeIsRefused) {
  client(
      "GET /ws HTTP/1.1\r\nHost: api.anthropic.com\r\nConnection: Upgrade\r\nUpgrade: "
      "websocket\r\n\r\n");
  expect_refusal(451, "Upgrade");
  EXPECT_EQ(sink.upstream, "");
}

TEST_F(Refusals, JsonThatIsNoneIsABadGateway) {
  client(post("{}"));
  upstream(answer("{\"a\":"));
  expect_refusal(502, "cannot be used");
}

TEST_F(Refusals, APartThatNobodyAskedForIsABadGateway) {
  client("GET /v1/files/f HTTP/1.1\r\nHost: api.anthropic.com\r\nRange: bytes=8-\r\n\r\n");
  upstream(
      "HTTP/1.1 206 Partial Content\r\nContent-Type: text/plain\r\nContent-Range: bytes "
      "8-11/12\r\nContent-Length: 4\r\n\r\n5678");
  expect_refusal(502, "a part that nobody has asked for");
  EXPECT_THAT(sink.client, Not(HasSubstr("5678")));
  ASSERT_EQ(sink.all<audit::Gap>().size(), 1U);
}

TEST_F(Refusals, SeveralPartsAreABadGateway) {
  client("GET /v1/files/f HTTP/1.1\r\nHost: api.anthropic.com\r\n\r\n");
  upstream(
      "HTTP/1.1 200 OK\r\nContent-Type: Multipart/ByteRanges; boundary=x\r\n"
      "Content-Length: 4\r\n\r\n5678");
  expect_refusal(502, "a part that nobody has asked for");
}

TEST_F(Refusals, ABodyWithTwoTypesIsABadGateway) {
  client(post("{}"));
  upstream(answer(R"({"a":"KEY-12345678"})", "Content-Type: text/html\r\n"));
  expect_refusal(502, "more than one Content-Type");
  EXPECT_THAT(sink.client, Not(HasSubstr("KEY-12345678")));
}

TEST_F(Refusals, ABodyWithoutATypeIsMaskedAsText) {
  client(post("{}"));
  upstream("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nKEY-12345678");
  EXPECT_THAT(sink.client, Not(HasSubstr("KEY-12345678")));
  EXPECT_THAT(sink.client, HasSubstr("[MASKED:test-key:"));
}

TEST_F(Refusals, BytesThatAreNotUtf8PassAndAreOnRecord) {
  const std::string body = "{\"a\":\"caf\xE9 \xC3\xA9 KEY-12345678\"}";
  client(post(body));
  EXPECT_THAT(sink.upstream, HasSubstr("caf\xE9 \xC3\xA9 [MASKED:"));
  upstream(answer(body));
  EXPECT_THAT(sink.client, HasSubstr("caf\xE9 \xC3\xA9 [MASKED:"));
  const auto gaps = sink.all<audit::Gap>();
  ASSERT_EQ(gaps.size(), 2U);
  for (const audit::Gap& gap : gaps) {
    EXPECT_EQ(gap.reason, "malformed");
    EXPECT_EQ(gap.action, "pass");
  }
}

TEST_F(Refusals, AMalformedStreamEndsProperly) {
  client(post(R"({"stream":true})"));
  upstream(std::string(kStreamHead) +
           chunk(kOpening + delta("fine") + "event: content_block_delta\ndata: {\"type\":\n\n" +
                 delta("x")));
  const std::string body = dechunk(sink.client);
  EXPECT_THAT(body.substr(body.rfind("event:")), HasSubstr("message_stop"));
  EXPECT_TRUE(sink.closed);
  EXPECT_FALSE(sink.reset);
}

TEST_F(Refusals, AnUpstreamThatStopsInTheMiddleOfJsonIsABadGateway) {
  client(post("{}"));
  upstream(
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
      "100\r\n\r\n{\"a\":\"KEY-1234");
  relay.upstream_ended(true, now);
  expect_refusal(502, "ended in the middle");
  EXPECT_THAT(sink.client, Not(HasSubstr("KEY-")));
}

TEST_F(Refusals, AnUpstreamThatStopsInTheMiddleOfAStreamIsNotTakenForAnEnd) {
  client(post(R"({"stream":true})"));
  upstream(std::string(kStreamHead) + chunk(kOpening + delta("half KEY-1234")));
  relay.upstream_ended(true, now);
  EXPECT_TRUE(sink.closed);
  EXPECT_TRUE(sink.reset);
  EXPECT_THAT(sink.client, Not(HasSubstr("KEY-")));
  EXPECT_THAT(sink.client, Not(testing::EndsWith("0\r\n\r\n")));
  EXPECT_EQ(sink.outcome(), "upstream ended early");
}

TEST_F(Refusals, AnAnswerThatIsNoHttpIsABadGateway) {
  client(post("{}"));
  upstream("SSH-2.0-OpenSSH_9.2\r\n");
  expect_refusal(502, "cannot be used");
}

TEST_F(Refusals, BytesThatNobodyAskedForEndTheConnection) {
  upstream("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(sink.closed);
  EXPECT_EQ(sink.client, "");
}

TEST_F(Refusals, AnUpstreamThatCannotBeReachedIsABadGateway) {
  relay.upstream_failed("the certificate has expired", false, now);
  client(post("{}"));
  expect_refusal(502, "the certificate has expired");
  EXPECT_THAT(sink.client, HasSubstr("x-should-retry: false"));
}

TEST_F(Refusals, AFormerUpstreamThatEndsUnderARequestLooksAsItWouldWithoutUs) {
  client(post("{}"));
  upstream(answer("{}"));
  sink.client.clear();
  client(post("{}"));
  relay.upstream_ended(true, now);
  EXPECT_EQ(sink.client, "");
  EXPECT_TRUE(sink.closed);
}

TEST_F(Refusals, SomebodyUnknownGetsA403ThatSaysWhatToDo) {
  SinkLog log;
  HttpRelay one({"api.anthropic.com", policy::Service::Anthropic}, ruleset, log);
  one.from_client(post("{}"), now);
  EXPECT_EQ(log.identity_asked, 1);
  one.identity_refused("uid 4711 belongs to nobody", false, false, now);
  EXPECT_THAT(log.client, StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(log.client, HasSubstr("uid 4711 belongs to nobody"));
  EXPECT_EQ(log.upstream, "");
}

TEST_F(Refusals, NothingIsLetThroughThatCannotBeRecorded) {
  relay.recording_failed("recorder full");
  client(post("{}"));
  expect_refusal(503, "recorder full");
  EXPECT_EQ(sink.upstream, "");
}

TEST_F(Refusals, AClientThatLeavesTakesItsUpstreamAlong) {
  client(post(R"({"stream":true})"));
  upstream(std::string(kStreamHead) + chunk(kOpening));
  relay.client_ended();
  EXPECT_EQ(sink.upstream_reset, 1);
  EXPECT_EQ(sink.outcome(), "client left");
}

class McpRefusals : public RelayTest {
 protected:
  McpRefusals() : RelayTest("mcp.example.com", policy::Service::Mcp) {}
  static std::string call(std::string_view argument) {
    const std::string body =
        R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"read","arguments":{"p":")" +
        std::string(argument) + R"("}}})";
    return "POST /mcp HTTP/1.1\r\nHost: mcp.example.com\r\ncontent-type: "
           "application/json\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
  }
};

TEST_F(McpRefusals, ABlockedToolCallIsAJsonRpcErrorWithItsId) {
  client(call("BAD-1234"));
  EXPECT_EQ(sink.upstream, "");
  EXPECT_THAT(sink.client, HasSubstr("\"jsonrpc\":\"2.0\""));
  EXPECT_THAT(sink.client, HasSubstr("\"id\":7"));
  EXPECT_THAT(sink.client, HasSubstr("bad-word"));
}

TEST_F(McpRefusals, ACallThatIsRefusedUnreadIsAnsweredByItsIdToo) {
  relay.recording_failed("recorder full");
  client(call("x"));
  // On tools/call a client shows the message of a 200 alone.
  EXPECT_THAT(sink.client, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(sink.client, HasSubstr("\"id\":7"));
  EXPECT_THAT(sink.client, HasSubstr("recorder full"));
}

TEST_F(McpRefusals, ABlockedToolResultIsAJsonRpcErrorWithItsId) {
  client(call("x"));
  upstream(answer(
      R"({"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"BAD-1234"}]}})"));
  EXPECT_THAT(sink.client, HasSubstr("\"id\":7"));
  EXPECT_THAT(sink.client, HasSubstr("\"error\""));
  EXPECT_THAT(sink.client, Not(HasSubstr("BAD-1234")));
}

TEST_F(McpRefusals, AToolResultIsMasked) {
  client(call("x"));
  upstream(answer(
      R"({"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"KEY-12345678"}]}})"));
  EXPECT_THAT(sink.client, HasSubstr("\"text\":\"[MASKED:test-key:"));
}

}  // namespace
}  // namespace veilwire::flow
