#include "userspace/flow/body_type.h"

#include "tests/unit/flow/relay_fixture.h"
#include "userspace/wire/http1_head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

using policy::Service;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

BodyType typed(std::string_view value, Service service = Service::Anthropic, bool stream = false) {
  const auto head = wire::parse_response_head(
      "HTTP/1.1 200 OK\r\nContent-Type: " + std::string(value) + "\r\n\r\n");
  EXPECT_TRUE(head);
  return body_type(*head, service, stream);
}

// The same however it is cut.
std::string looks_like(std::string_view body, std::string_view type = "application/octet-stream",
                       Service service = Service::Anthropic) {
  std::string first;
  for (std::size_t size = 1; size <= std::max<std::size_t>(body.size(), 1); ++size) {
    BodyLook look(service, type);
    std::optional<std::string_view> seen;
    for (std::size_t at = 0; at < body.size() && !seen; at += size)
      seen = look.feed(body.substr(at, size));
    const std::string kind(seen ? *seen : look.finish());
    if (size == 1) first = kind;
    EXPECT_EQ(kind, first) << body << " in pieces of " << size;
  }
  return first;
}

TEST(BodyType, IsWhatAClientOfTheServiceFindsInTheField) {
  EXPECT_EQ(typed("application/json-x").media_type, "application/json");
  EXPECT_EQ(typed("text/event-stream, x").media_type, "text/event-stream");
  EXPECT_EQ(typed("text/plain; a=Application/JSON").media_type, "application/json");
  EXPECT_FALSE(typed("application/json-x").look);
  EXPECT_EQ(typed("application/json-x", Service::Generic).media_type, "application/json-x");
  EXPECT_NE(typed("text/event-stream; a=application/json").fault, "");
}

TEST(BodyType, AStreamThatWasAskedForIsReadAsOne) {
  EXPECT_EQ(typed("application/octet-stream", Service::Anthropic, true).media_type,
            "text/event-stream");
  EXPECT_EQ(typed("image/png", Service::Anthropic, true).media_type, "text/event-stream");
  EXPECT_EQ(typed("application/json", Service::Anthropic, true).media_type, "application/json");
}

TEST(BodyType, MediaAndTheTextsOfOthersAreNotLookedAt) {
  EXPECT_FALSE(typed("image/png").look);
  EXPECT_FALSE(typed("text/html", Service::Generic).look);
  EXPECT_TRUE(typed("text/html").look);
  EXPECT_TRUE(typed("application/octet-stream", Service::Generic).look);
}

TEST(BodyType, AnEncodingThatHidesAsciiIsAFault) {
  for (const char* value : {"application/json; charset=utf-16", "text/plain;charset=\"UTF-32LE\"",
                            "text/html; charset=UTF-7"})
    EXPECT_NE(typed(value, Service::Generic).fault, "") << value;
  EXPECT_EQ(typed("text/html; charset=iso-8859-1").fault, "");
}

TEST(BodyLook, KnowsJsonAtItsEnd) {
  EXPECT_EQ(looks_like(R"( {"a":[1]} )"), "application/json");
  EXPECT_EQ(looks_like("\xEF\xBB\xBF[1]", "text/plain"), "application/json");
  EXPECT_EQ(looks_like("[INFO] 1 started\n", "text/plain"), "text/plain");
  EXPECT_EQ(looks_like(R"({"a":1} and more)", "text/plain"), "text/plain");
  EXPECT_EQ(looks_like(R"({"a":1)", "text/plain"), "text/plain");
}

TEST(BodyLook, KnowsLinesOfJson) {
  EXPECT_EQ(looks_like("{\"a\":1}\n{\"b\":2}\n"), "application/jsonl");
  EXPECT_EQ(looks_like("{\"a\":1}\r\n[2]"), "application/jsonl");
  EXPECT_EQ(looks_like("{\"a\":1} {\"b\":2}"), "text/plain");
}

TEST(BodyLook, KnowsEventsWhereAClientWould) {
  for (const char* body : {"data: {}\n\n", "event: ping\n", ": hello\n\n", "\n\nid: 1\n"}) {
    EXPECT_EQ(looks_like(body), "text/event-stream") << body;
    EXPECT_EQ(looks_like(body, "text/plain", Service::Generic), "text/plain") << body;
  }
  EXPECT_EQ(looks_like("dat", "text/plain"), "text/plain");
  EXPECT_EQ(looks_like("database: a\n", "text/plain"), "text/plain");
}

TEST(BodyLook, TellsTextFromWhatIsNone) {
  EXPECT_EQ(looks_like("gr\xC3\xBC\xC3\x9F"
                       "e"),
            "text/plain");
  EXPECT_EQ(looks_like(std::string_view("PK\x03\x04\0", 5)), "application/octet-stream");
  EXPECT_EQ(looks_like("%PDF-1.4\n%\xE2\xE3\xCF\xD3\n"), "application/octet-stream");
  EXPECT_EQ(looks_like("gr\xFC\xDF"
                       "e",
                       "text/plain"),
            "text/plain");  // it says so itself
}

class BodyTypeTest : public RelayTest {
 protected:
  void answer_as(std::string_view type, std::string_view body) {
    upstream("HTTP/1.1 200 OK\r\n" + std::string(type) +
             "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
  }
};

TEST_F(BodyTypeTest, NoNameOfATypeIsAWayAroundInspection) {
  constexpr std::string_view kBody =
      R"({"content":[{"type":"text","text":"KEY-\u0031\u00322345678"}]})";
  for (const char* type :
       {"Content-Type: application/json-x\r\n", "Content-Type: application/octet-stream\r\n",
        "Content-Type: text/plain\r\n", ""}) {
    client(post("{}"));
    answer_as(type, kBody);
    EXPECT_THAT(sink.client, AllOf(HasSubstr("[MASKED:test-key:"), Not(HasSubstr("u0031"))))
        << type;
    sink.client.clear();
  }
}

TEST_F(BodyTypeTest, AStreamUnderAnotherNameIsJoinedBeforeItIsJudged) {
  client(post(R"({"stream":true})"));
  const auto delta = [](std::string_view text) {
    return R"(data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":")" +
           std::string(text) + "\"}}\n\n";
  };
  const std::string start =
      "event: message_start\ndata: "
      R"({"type":"message_start","message":{"content":[]}})"
      "\n\n"
      "event: content_block_start\ndata: "
      R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})"
      "\n\n";
  const std::string event = "event: content_block_delta\n";
  answer_as("Content-Type: application/octet-stream\r\n",
            start + event + delta("KEY-1234") + event + delta("5678."));
  EXPECT_THAT(sink.client, HasSubstr("[MASKED:test-key:"));
  EXPECT_THAT(sink.client, Not(HasSubstr("KEY-1234")));
}

TEST_F(BodyTypeTest, WhatIsNoTextPassesByteForByteWithItsGap) {
  const std::string body("PK\x03\x04\0KEY-12345678", 17);
  client(post("{}"));
  answer_as("Content-Type: application/octet-stream\r\n", body);
  EXPECT_THAT(sink.client, testing::EndsWith("\r\n\r\n" + body));
  EXPECT_EQ(sink.all<audit::Gap>().size(), 1U);
  EXPECT_EQ(sink.outcome(), "complete");
}

TEST_F(BodyTypeTest, AnEncodingThatHidesAsciiIsRefused) {
  client(post("{}"));
  answer_as("Content-Type: text/plain; charset=utf-16\r\n", std::string_view("K\0E\0Y\0", 6));
  EXPECT_THAT(sink.client, Not(HasSubstr(std::string_view("K\0E", 3))));
  EXPECT_EQ(sink.all<audit::Gap>().size(), 1U);
}

TEST_F(BodyTypeTest, ARequestIsReadAsWhatItLooksLike) {
  const std::string body = R"({"a":"KEY-\u0031\u00322345678"})";
  client(
      "POST /v1/messages HTTP/1.1\r\nHost: api.anthropic.com\r\nContent-Type: x/y\r\n"
      "Content-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body);
  EXPECT_THAT(sink.upstream, AllOf(HasSubstr("[MASKED:test-key:"), Not(HasSubstr("u0031"))));
}

}  // namespace
}  // namespace veilwire::flow
