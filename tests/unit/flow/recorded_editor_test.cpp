// What a policy lets pass in answers reaches the client as it came and is masked in the record.
#include "tests/support/every_split.h"
#include "tests/unit/flow/relay_fixture.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

namespace veilwire::flow {
namespace {

using ::testing::EndsWith;
using testing::every_split;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Pieces;

const std::string kPassing =
    std::string(kPolicy) +
    "[uninspected]\nmalformed = \"pass\"\n[[action]]\nrule = \"test-key\"\n"
    "direction = \"response\"\naction = \"pass\"\n";

constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view kLastChunk = "0\r\n\r\n";

class PassingTest : public RelayTest {
 protected:
  explicit PassingTest(std::string_view policy = kPassing)
      : RelayTest("api.anthropic.com", policy::Service::Anthropic, policy) {}

  void stream(std::string_view body) {
    client(post(R"({"model":"m","stream":true})"));
    upstream(kStreamHead);
    upstream(chunk(body));
  }
  static std::vector<std::string> actions(const SinkLog& log) {
    std::vector<std::string> out;
    for (const auto& piece : log.all<audit::ResponseFragment>())
      for (const audit::MaskedSpan& mask : piece.masks)
        out.push_back(mask.rule + " " + mask.action);
    return out;
  }
};

TEST_F(PassingTest, AStreamReachesTheClientAndItsRecordIsMaskedHoweverItIsCut) {
  const std::string body = kOpening + delta("a KEY-12") + delta("345678 b HIDE-1234 c") +
                           ": KEY-87654321\n\n" + delta("KEY-");
  std::string got = body;
  got.replace(got.find("HIDE-1234"), 9, "***");
  every_split(body, [&](const Pieces& pieces) {
    SinkLog log;
    HttpRelay one({"api.anthropic.com", policy::Service::Anthropic}, ruleset, log);
    one.identity_known(person(), now);
    one.from_client(post(R"({"model":"m","stream":true})"), now);
    one.from_upstream(kStreamHead, now);
    for (const std::string_view piece : pieces)
      if (!piece.empty()) one.from_upstream(chunk(piece), now);
    one.from_upstream(kLastChunk, now);
    EXPECT_EQ(dechunk(log.client), got);
    EXPECT_THAT(log.recorded_response(), Not(HasSubstr("KEY-1")));
    EXPECT_THAT(log.recorded_response(), Not(HasSubstr("KEY-8")));
    EXPECT_EQ(actions(log),
              (std::vector<std::string>{"test-key pass", "stars mask", "test-key pass"}));
    EXPECT_EQ(log.all<audit::ExchangeClose>()[0].masked, 1U);
    EXPECT_EQ(log.all<audit::ExchangeClose>()[0].response_bytes, got.size());
    return log.recorded_response();
  });
}

// But for what it says of each finding.
TEST_F(PassingTest, ItsRecordIsThatOfAPolicyThatMasks) {
  const std::vector<std::pair<std::string, std::string>> answers = {
      {"text/event-stream", kOpening + delta("a KEY-12") + delta("345678 HIDE-1234 770012345678")},
      {"application/json", R"({"content":[{"text":"KEY-12345678 \u004bEY-87654321"}]})"},
      {"text/plain", "one KEY-12345678 two HIDE-1234\n"}};
  for (const auto& [type, body] : answers) {
    std::string recorded[2];
    for (const bool passing : {false, true}) {
      SinkLog log;
      HttpRelay one({"api.anthropic.com", policy::Service::Anthropic},
                    make_ruleset(passing ? std::string_view(kPassing) : kPolicy), log);
      one.identity_known(person(), now);
      one.from_client(post("{}"), now);
      one.from_upstream("HTTP/1.1 200 OK\r\nContent-Type: " + type + "\r\nContent-Length: " +
                            std::to_string(body.size()) + "\r\n\r\n" + body,
                        now);
      EXPECT_EQ(log.outcome(), "complete");
      EXPECT_EQ(log.client.find("KEY-12") != std::string::npos, passing) << body;
      recorded[passing ? 1 : 0] = log.recorded_response();
    }
    EXPECT_EQ(recorded[0], recorded[1]) << body;
    EXPECT_THAT(recorded[1], HasSubstr("[MASKED:test-key:"));
  }
}

TEST_F(PassingTest, WhatTheRecordHeldBackIsInItWhenTheClientLeaves) {
  stream(kOpening + delta("half KEY-1234"));
  EXPECT_THAT(sink.client, HasSubstr("half KEY-1234"));
  EXPECT_THAT(sink.recorded_response(), Not(HasSubstr("KEY-1234")));
  relay.client_ended();
  EXPECT_THAT(sink.recorded_response(), HasSubstr("KEY-1234"));
}

TEST_F(PassingTest, ABlockEndsTheRecordAsItEndsTheStream) {
  stream(kOpening + delta("KEY-12345678 one") + delta("BAD-1234 KEY-87654321"));
  EXPECT_EQ(sink.outcome(), "blocked");
  const std::string body = dechunk(sink.client), record = sink.recorded_response();
  EXPECT_THAT(body, HasSubstr("KEY-12345678"));
  EXPECT_THAT(body, Not(HasSubstr("KEY-8")));
  EXPECT_THAT(record, Not(HasSubstr("KEY-")));
  EXPECT_THAT(record, EndsWith(body.substr(body.rfind("event:"))));
  EXPECT_THAT(record, HasSubstr("[veilwire: this answer was stopped"));
}

TEST_F(PassingTest, WhatNobodyCouldReadIsOnRecordInNeitherWay) {
  const std::string rest =
      "event: content_block_delta\ndata: {\"type\":\n\n" + delta("KEY-87654321");
  stream(kOpening + delta("KEY-12345678 HIDE-1234") + rest);
  upstream(kLastChunk);
  EXPECT_THAT(dechunk(sink.client), EndsWith(rest));
  EXPECT_THAT(sink.recorded_response(), Not(HasSubstr("KEY-")));
  EXPECT_THAT(sink.recorded_response(), HasSubstr("***"));
  EXPECT_EQ(sink.outcome(), "complete");
}

// Its beginning was read for both at once.
TEST_F(PassingTest, WhereFindingsBeginToPassInTheMiddleTheRestIsNotRecordedAndThatIs) {
  SinkLog log;
  HttpRelay one({"api.anthropic.com", policy::Service::Anthropic}, make_ruleset(), log);
  one.identity_known(person(), now);
  one.from_client(post(R"({"model":"m","stream":true})"), now);
  one.from_upstream(std::string(kStreamHead) + chunk(kOpening + delta("KEY-12345678 one")), now);
  one.adopt(ruleset);
  one.from_upstream(chunk(delta("KEY-87654321 two")) + std::string(kLastChunk), now);
  EXPECT_THAT(log.client, HasSubstr("KEY-87654321 two"));
  EXPECT_THAT(log.recorded_response(), Not(HasSubstr("KEY-")));
  EXPECT_THAT(log.recorded_response(), HasSubstr("[MASKED:test-key:"));
  ASSERT_EQ(log.all<audit::Gap>().size(), 1U);
  EXPECT_EQ(log.all<audit::Gap>()[0].reason, "not recorded");
  EXPECT_EQ(log.all<audit::ExchangeClose>()[0].response_bytes, dechunk(log.client).size());
}

TEST_F(PassingTest, WhatHasBegunToPassIsMaskedFromTheNextEventOn) {
  stream(kOpening + delta("KEY-12345678 one"));
  relay.adopt(make_ruleset());
  upstream(chunk(delta("KEY-87654321 two")) + std::string(kLastChunk));
  EXPECT_THAT(sink.client, HasSubstr("KEY-12345678"));
  EXPECT_THAT(sink.client, Not(HasSubstr("KEY-8")));
  EXPECT_THAT(sink.recorded_response(), Not(HasSubstr("KEY-")));
  EXPECT_THAT(sink.recorded_response(), HasSubstr("two"));
  EXPECT_TRUE(sink.all<audit::Gap>().empty());
}

TEST_F(PassingTest, ASwitchToObservingLosesNothingOfTheRecord) {
  stream(kOpening + delta("KEY-12345678 one"));
  relay.adopt(make_ruleset("mode = \"observe\"\n" + kPassing));
  upstream(chunk(delta("KEY-11112222 two HIDE-1234 three")) + std::string(kLastChunk));
  EXPECT_THAT(sink.client, HasSubstr("KEY-11112222 two HIDE-1234 three"));
  for (const char* word : {"one", "two", "*** three"})
    EXPECT_THAT(sink.recorded_response(), HasSubstr(word));
  EXPECT_THAT(sink.recorded_response(), Not(HasSubstr("KEY-")));
}

}  // namespace
}  // namespace veilwire::flow
