#include "userspace/flow/http_relay.h"

#include "tests/unit/flow/relay_fixture.h"
#include "userspace/wire/content_coding.h"
#include "userspace/wire/http1.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: "
    "chunked\r\n\r\n";

std::string event(std::string_view name, std::string_view data) {
  return "event: " + std::string(name) + "\ndata: " + std::string(data) + "\n\n";
}

std::string text_stream(const std::vector<std::string>& pieces) {
  std::string out =
      event(
          "message_start",
          R"({"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"m","stop_reason":null,"usage":{"input_tokens":1,"output_tokens":1}}})") +
      event(
          "content_block_start",
          R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})");
  for (const std::string& piece : pieces)
    out +=
        event("content_block_delta",
              R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":")" +
                  piece + R"("}})");
  return out + event("content_block_stop", R"({"type":"content_block_stop","index":0})") +
         event(
             "message_delta",
             R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}})") +
         event("message_stop", R"({"type":"message_stop"})");
}

std::string gzip(std::string_view text) {
  auto encoder = wire::Encoder::make({wire::Coding::Gzip});
  std::string out;
  EXPECT_TRUE(encoder && encoder->feed(text, out) && encoder->finish(out));
  return out;
}

std::string gunzip(std::string_view coded) {
  auto decoder = wire::Decoder::make({wire::Coding::Gzip});
  std::string out;
  EXPECT_TRUE(decoder && decoder->feed(coded, out) && decoder->finish());
  return out;
}

TEST_F(RelayTest, PassesWhatHoldsNoSecretByteForByte) {
  const std::string request =
      "POST /v1/messages?beta=true HTTP/1.1\r\nhOsT:api.anthropic.com\r\nX-Odd:   spaced  \r\n"
      "Connection: keep-alive\r\ncontent-type: application/json\r\nContent-Length: 18\r\n\r\n"
      "{ \"a\" : \"\\u0062\" }";
  const std::string response =
      answer("{\"x\": [1.0e2, \"\\/\"] }", "keep-alive: timeout=5\r\nX-ODD:y\r\n");
  client(request);
  EXPECT_EQ(sink.upstream, request);
  upstream(response);
  EXPECT_EQ(sink.client, response);
  EXPECT_FALSE(sink.closed);
  EXPECT_EQ(sink.outcome(), "complete");
}

TEST_F(RelayTest, AsksForTheWholeWhereTheClientWantsAPart) {
  const std::string before = "GET /v1/files/f/content HTTP/1.1\r\nHost: api.anthropic.com\r\n";
  client(before + "Range: bytes=0-99\r\nIf-Range: \"v1\"\r\nAccept: */*\r\n\r\n");
  EXPECT_EQ(sink.upstream, before + "Accept: */*\r\n\r\n");
  const auto heads = sink.all<audit::RequestHead>();
  ASSERT_EQ(heads.size(), 1U);  // the record says what the client wanted
  EXPECT_THAT(heads[0].fields, testing::Contains(testing::Pair("Range", "bytes=0-99")));
  const std::string whole = answer(R"({"key":"KEY-12345678"})");
  upstream(whole);
  EXPECT_THAT(sink.client, HasSubstr("[MASKED:test-key:"));
}

TEST_F(RelayTest, WritesEachRecordBeforeWhatItIsAbout) {
  client(post(R"({"a":"b"})"));
  EXPECT_THAT(sink.order, ElementsAre("record request.head", "record request.body", "upstream"));
  sink.order.clear();
  upstream(answer(R"({"a":"b"})"));
  EXPECT_THAT(sink.order, ElementsAre("record response.head", "record response.fragment", "client",
                                      "client", "record exchange.close"));
}

TEST_F(RelayTest, MasksAJsonAnswerAndGivesItItsNewLength) {
  client(post("{}"));
  upstream(answer(R"({"content":[{"type":"text","text":"it is KEY-12345678."}]})"));
  EXPECT_THAT(sink.client, Not(HasSubstr("KEY-12345678")));
  EXPECT_THAT(sink.client, HasSubstr("it is [MASKED:test-key:"));
  wire::ResponseReader reader;
  ASSERT_TRUE(reader.expect({}));
  std::vector<wire::HttpEvent> events;
  EXPECT_EQ(reader.feed(sink.client, events), sink.client.size());
  EXPECT_TRUE(std::holds_alternative<wire::MessageEnd>(events.back()));
  const auto fragments = sink.all<audit::ResponseFragment>();
  ASSERT_EQ(fragments.size(), 1U);
  ASSERT_EQ(fragments[0].masks.size(), 1U);
  EXPECT_EQ(fragments[0].masks[0].rule, "test-key");
  EXPECT_EQ(fragments[0].masks[0].length, 12U);
}

TEST_F(RelayTest, MasksARequestBeforeItLeaves) {
  client(post(R"({"messages":[{"role":"user","content":"my KEY-12345678"}]})"));
  EXPECT_THAT(sink.upstream, Not(HasSubstr("KEY-12345678")));
  EXPECT_THAT(sink.upstream, HasSubstr("my [MASKED:test-key:"));
  EXPECT_THAT(sink.recorded_request(), HasSubstr("my [MASKED:test-key:"));
}

TEST_F(RelayTest, NeverReleasesASecretThatIsCutAnywhere) {
  const std::string secret = "KEY-12345678";
  for (std::size_t cut = 1; cut < secret.size(); ++cut) {
    SinkLog log;
    HttpRelay one({"api.anthropic.com", policy::Service::Anthropic}, ruleset, log);
    one.identity_known(person(), now);
    one.from_client(post(R"({"stream":true})"), now);
    const std::string stream =
        text_stream({"so " + secret.substr(0, cut), secret.substr(cut) + " end"});
    one.from_upstream(std::string(kStreamHead) + chunk(stream) + "0\r\n\r\n", now);
    EXPECT_THAT(log.client, Not(HasSubstr(secret)));
    EXPECT_THAT(dechunk(log.client), HasSubstr("[MASKED:test-key:"));
    EXPECT_EQ(dechunk(log.client), log.recorded_response());
  }
}

TEST_F(RelayTest, TokensOfALoginReachTheClientAndNoRecord) {
  const std::string json =
      R"({"token_type":"bearer","access_token":"at-0123456789","x":{"y":["id_token"]}})";
  const std::string recorded =
      R"({"token_type":"bearer","access_token":"*************","x":{"y":["id_token"]}})";
  for (const bool stream : {false, true}) {
    const std::string head = stream ? std::string(kStreamHead)
                                    : "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                      "Transfer-Encoding: chunked\r\n\r\n";
    const auto body = [&](const std::string& text) {
      return stream ? "data: " + text + "\n\n" : text;
    };
    for (std::size_t cut = 1; cut < body(json).size(); ++cut) {
      SinkLog log;
      HttpRelay one({"api.anthropic.com", policy::Service::Generic}, ruleset, log);
      one.identity_known(person(), now);
      one.from_client(post("{}"), now);
      one.from_upstream(head + chunk(body(json).substr(0, cut)), now);
      one.from_upstream(chunk(body(json).substr(cut)) + "0\r\n\r\n", now);
      ASSERT_EQ(dechunk(log.client), body(json)) << cut;
      ASSERT_EQ(log.recorded_response(), body(recorded)) << cut;
    }
  }
}

TEST_F(RelayTest, ChunksThatComeTogetherAreOneRecordAndOneWrite) {
  client(post(R"({"stream":true})"));
  upstream(kStreamHead);
  const std::size_t before = sink.all<audit::ResponseFragment>().size();
  sink.order.clear();
  const std::string stream = text_stream({"a", "b KEY-1234", "5678", "c"});
  std::string chunks;
  for (std::size_t at = 0; at < stream.size(); at += 100) chunks += chunk(stream.substr(at, 100));
  upstream(chunks);
  EXPECT_THAT(sink.order, ElementsAre("record response.fragment", "client"));
  EXPECT_EQ(sink.all<audit::ResponseFragment>().size(), before + 1);
  upstream(chunk(": more\n\n") + "0\r\n\r\n");
  EXPECT_EQ(dechunk(sink.client), sink.recorded_response());
  EXPECT_EQ(sink.outcome(), "complete");
}

TEST_F(RelayTest, GivesTheSameAnswerHoweverTheUpstreamCutsIt) {
  const std::string stream = text_stream({"a KEY-1234", "5678", " b"});
  const std::string bytes = std::string(kStreamHead) + chunk(stream) + "0\r\nX-T: 1\r\n\r\n";
  client(post(R"({"stream":true})"));
  upstream(bytes);
  const std::string whole = dechunk(sink.client);
  for (std::size_t size : {1U, 2U, 7U, 64U}) {
    SinkLog log;
    HttpRelay one({"api.anthropic.com", policy::Service::Anthropic}, ruleset, log);
    one.identity_known(person(), now);
    one.from_client(post(R"({"stream":true})"), now);
    for (std::size_t at = 0; at < bytes.size(); at += size)
      one.from_upstream(bytes.substr(at, size), now);
    EXPECT_EQ(dechunk(log.client), whole) << size;
    EXPECT_THAT(log.client, HasSubstr("X-T: 1\r\n"));
    EXPECT_EQ(log.outcome(), "complete");
  }
}

TEST_F(RelayTest, LetsAStreamWithoutSecretsPassByteForByte) {
  const std::string stream = text_stream({"a \\u00e9", " \\\"b\\\" ", "KEYS and cakes"});
  client(post(R"({"stream":true})"));
  upstream(kStreamHead);
  EXPECT_EQ(sink.client, kStreamHead);  // the head does not wait for the first event
  upstream(chunk(stream));
  upstream("0\r\n\r\n");
  EXPECT_EQ(dechunk(sink.client), stream);
}

TEST_F(RelayTest, KeepsACodedBodyAsItCameAndCodesAMaskedOneAnew) {
  const std::string coded = gzip(R"({"a":"b"})");
  client(post("{}"));
  upstream(answer(coded, "Content-Encoding: gzip\r\n"));
  EXPECT_EQ(sink.client, answer(coded, "Content-Encoding: gzip\r\n"));
  sink.client.clear();
  client(post("{}"));
  upstream(answer(gzip(R"({"a":"KEY-12345678"})"), "Content-Encoding: gzip\r\n"));
  EXPECT_THAT(gunzip(sink.client.substr(sink.client.find("\r\n\r\n") + 4)),
              StartsWith(R"({"a":"[MASKED:test-key:)"));
}

TEST_F(RelayTest, MasksACodedRequestInItsCoding) {
  const std::string coded = gzip(R"({"a":"KEY-12345678"})");
  client(post(coded, "Content-Encoding: gzip\r\n"));
  EXPECT_THAT(gunzip(sink.upstream.substr(sink.upstream.find("\r\n\r\n") + 4)),
              StartsWith(R"({"a":"[MASKED:test-key:)"));
}

TEST_F(RelayTest, MasksACodedStreamSoThatEachEventCanBeReadAtOnce) {
  client(post(R"({"stream":true})"));
  upstream(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: "
      "gzip\r\nTransfer-Encoding: chunked\r\n\r\n");
  auto encoder = wire::Encoder::make({wire::Coding::Gzip});
  auto decoder = wire::Decoder::make({wire::Coding::Gzip});
  ASSERT_TRUE(encoder && decoder);
  std::string seen;
  for (const std::string& data :
       {std::string("one"), std::string("KEY-12345678"), std::string("three")}) {
    std::string coded;
    ASSERT_TRUE(encoder->feed(event("x", "\"" + data + "\""), coded));
    sink.client = "\r\n\r\n";
    upstream(chunk(coded));
    ASSERT_TRUE(decoder->feed(dechunk(sink.client), seen));
    EXPECT_THAT(seen, HasSubstr(data == "KEY-12345678" ? "[MASKED" : data));
  }
}

TEST_F(RelayTest, AnswersPipelinedRequestsOneAfterTheOther) {
  client(post(R"({"n":1})") + post(R"({"n":2})"));
  EXPECT_EQ(sink.upstream, post(R"({"n":1})"));
  upstream(answer("1"));
  EXPECT_EQ(sink.upstream, post(R"({"n":1})") + post(R"({"n":2})"));
  upstream(answer("2"));
  EXPECT_EQ(sink.client, answer("1") + answer("2"));
}

TEST_F(RelayTest, StopsReadingAClientThatSendsTooFarAhead) {
  client(post("{}"));
  client(std::string(100 * 1024, 'x'));
  EXPECT_FALSE(sink.reading);
}

TEST_F(RelayTest, KnowsTheAnswersThatHaveNoBody) {
  client("HEAD /v1/models HTTP/1.1\r\nHost: api.anthropic.com\r\n\r\n");
  upstream("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n");
  client("GET /a HTTP/1.1\r\nHost: api.anthropic.com\r\n\r\n");
  upstream("HTTP/1.1 204 No Content\r\n\r\n");
  client("GET /b HTTP/1.1\r\nHost: api.anthropic.com\r\n\r\n");
  upstream("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n");
  EXPECT_EQ(sink.all<audit::ExchangeClose>().size(), 3U);
  EXPECT_THAT(sink.client,
              HasSubstr("Content-Length: 400\r\n\r\nHTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304"));
}

TEST_F(RelayTest, MasksAReasonPhraseOfAnyAnswer) {
  client("GET / HTTP/1.1\r\nHost: api.anthropic.com\r\n\r\n");
  upstream("HTTP/1.1 103 KEY-12345678\r\nLink: </a>\r\n\r\n");
  upstream("HTTP/1.1 404 No KEY-12345678 here\r\nContent-Length: 0\r\n\r\n");
  EXPECT_THAT(sink.client, Not(HasSubstr("KEY-")));
  EXPECT_THAT(sink.client, StartsWith("HTTP/1.1 103 [MASKED:test-key:"));
  EXPECT_THAT(sink.client, HasSubstr("] here\r\nContent-Length: 0\r\n"));
  EXPECT_THAT(sink.client, HasSubstr("HTTP/1.1 404 No [MASKED:test-key:"));
}

TEST_F(RelayTest, AnOldClientGetsNoInterimAnswer) {
  client("GET / HTTP/1.0\r\nHost: api.anthropic.com\r\n\r\n");
  upstream("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer("{}"));
  EXPECT_EQ(sink.client, answer("{}"));
}

TEST_F(RelayTest, PassesInterimAnswersOn) {
  client(post("{}"));
  upstream("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer("{}"));
  EXPECT_EQ(sink.client, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer("{}"));
}

TEST_F(RelayTest, AnswersExpectItselfBecauseItNeedsTheWholeBodyFirst) {
  const std::string whole = post(R"({"a":"b"})", "Expect: 100-continue\r\n");
  const std::size_t head = whole.find("\r\n\r\n") + 4;
  client(whole.substr(0, head));
  EXPECT_EQ(sink.client, "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(sink.upstream, "");
  client(whole.substr(head));
  EXPECT_EQ(sink.upstream, post(R"({"a":"b"})"));
  upstream("HTTP/1.1 100 Continue\r\n\r\n" + answer("{}"));
  EXPECT_EQ(sink.client, "HTTP/1.1 100 Continue\r\n\r\n" + answer("{}"));
}

TEST_F(RelayTest, KeepsChunksAndTrailersOfARequest) {
  client(
      "POST /x HTTP/1.1\r\nHost: api.anthropic.com\r\nContent-Type: "
      "application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\n{\"a\r\n5\r\n\":1}\n\r\n0\r\nX-Sum: 9\r\n\r\n");
  EXPECT_THAT(sink.upstream, StartsWith("POST /x HTTP/1.1\r\nHost: api.anthropic.com\r\n"));
  EXPECT_EQ(dechunk(sink.upstream), "{\"a\":1}\n");
  EXPECT_THAT(sink.upstream, HasSubstr("\r\n0\r\nX-Sum: 9\r\n\r\n"));
}

TEST_F(RelayTest, MasksSecretsInAnswerFieldsButNotCookies) {
  client(post("{}"));
  upstream(answer(
      "{}",
      "X-Debug: see KEY-12345678\r\nX-Token: KEY-12345678\r\nSet-Cookie: s=KEY-12345678\r\n"));
  EXPECT_THAT(sink.client, HasSubstr("X-Debug: see [MASKED:test-key:"));
  EXPECT_THAT(sink.client, HasSubstr("X-Token: [MASKED:test-key:"));
  EXPECT_THAT(sink.client, HasSubstr("Set-Cookie: s=KEY-12345678\r\n"));
}

TEST_F(RelayTest, WritesNoCredentialIntoARecord) {
  client(post("{}", "x-api-key: sk-ant-0123456789\r\nAuthorization: Bearer abcdefghij\r\n",
              "/v1/x?access_token=qwertz"));
  const auto heads = sink.all<audit::RequestHead>();
  ASSERT_EQ(heads.size(), 1U);
  EXPECT_THAT(heads[0].target, Not(HasSubstr("qwertz")));
  for (const auto& [name, value] : heads[0].fields) {
    EXPECT_THAT(value, Not(HasSubstr("0123456789")));
    EXPECT_THAT(value, Not(HasSubstr("abcdefghij")));
  }
  EXPECT_THAT(sink.upstream, HasSubstr("sk-ant-0123456789"));
}

TEST_F(RelayTest, AChangedPolicyAppliesToARunningStreamAndToWhatItHolds) {
  client(post(R"({"stream":true})"));
  const std::string all = text_stream({"one KEY-12345678 two", " KEY-1111", "2222 three"});
  const std::size_t middle = all.find("2222 three") - 60;
  upstream(std::string(kStreamHead) + chunk(all.substr(0, middle)));
  EXPECT_THAT(sink.client, Not(HasSubstr("KEY-1111")));
  relay.adopt(make_ruleset(R"(
[[host]]
name = "api.anthropic.com"
speaks = "anthropic"
[default]
request = "pass"
response = "pass"
)"));
  upstream(chunk(all.substr(middle)) + "0\r\n\r\n");
  const std::string body = dechunk(sink.client);
  EXPECT_THAT(body, HasSubstr("one [MASKED:test-key:"));
  EXPECT_THAT(body, HasSubstr("KEY-1111"));
  EXPECT_EQ(sink.outcome(), "complete");
}

TEST_F(RelayTest, WhatPolicyLetsPassUpstreamIsStillMaskedInTheRecord) {
  relay.adopt(make_ruleset(R"(
[[host]]
name = "api.anthropic.com"
speaks = "anthropic"
[default]
request = "pass"
response = "mask"
)"));
  client(post(R"({"messages":[{"role":"user","content":"my KEY-12345678"}]})"));
  EXPECT_THAT(sink.upstream, HasSubstr("KEY-12345678"));
  EXPECT_THAT(sink.recorded_request(), HasSubstr("my [MASKED:test-key:"));
  ASSERT_EQ(sink.all<audit::RequestBody>()[0].masks.size(), 1U);
  EXPECT_EQ(sink.all<audit::RequestBody>()[0].masks[0].action, "pass");
}

TEST_F(RelayTest, AsksAgainWhoItIsOnceTheAnswerHasExpired) {
  EXPECT_EQ(sink.identity_asked, 0);
  now.mono.since_start = std::chrono::hours(2);
  client(post("{}"));
  EXPECT_EQ(sink.identity_asked, 1);
  EXPECT_EQ(sink.upstream, "");
  identity::Person renewed = person();
  renewed.valid_until = {std::chrono::hours(3)};
  relay.identity_known(renewed, now);
  EXPECT_EQ(sink.upstream, post("{}"));
}

TEST_F(RelayTest, ClosesWithTheUpstreamBetweenExchanges) {
  client(post("{}"));
  upstream(answer("{}"));
  relay.upstream_ended(true, now);
  EXPECT_TRUE(sink.closed);
  EXPECT_FALSE(sink.reset);
}

TEST_F(RelayTest, EndsTheConnectionWhereEitherSideSaysSo) {
  client(post("{}"));
  upstream(answer("{}", "Connection: close\r\n"));
  EXPECT_TRUE(sink.closed);
  EXPECT_THAT(sink.client, HasSubstr("Connection: close\r\n"));
}

TEST_F(RelayTest, DeliversABodyThatOnlyTheEndOfTheConnectionEnds) {
  client(post("{}"));
  upstream("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"a\":");
  upstream("\"KEY-12345678\"}");
  relay.upstream_ended(true, now);
  EXPECT_THAT(sink.client, HasSubstr("{\"a\":\"[MASKED:test-key:"));
  EXPECT_TRUE(sink.closed);
  EXPECT_EQ(sink.outcome(), "complete");
}

}  // namespace
}  // namespace veilwire::flow
