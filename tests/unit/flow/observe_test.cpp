// A policy that only observes: what goes out is what came, at once, and records say what would have
// become of it; what changes when policy does, in the middle of anything.
#include "tests/support/every_split.h"
#include "tests/unit/flow/relay_fixture.h"
#include "userspace/crypto/encoding.h"
#include "userspace/wire/content_coding.h"

#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <utility>

namespace veilwire::flow {
namespace {

using testing::every_split;
using testing::Pieces;

const std::string kObserving = "mode = \"observe\"\n" + std::string(kPolicy);

constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Odd:   a  \r\nConnection: "
    "keep-alive, x-odd\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view kLastChunk = "0\r\n\r\n";

class ObserveTest : public RelayTest {
 protected:
  explicit ObserveTest(std::string_view policy = kObserving)
      : RelayTest("api.anthropic.com", policy::Service::Anthropic, policy) {}

  void ask() { client(post(R"({"model":"m","stream":true})")); }
  std::vector<audit::MaskedSpan> masks() const {
    std::vector<audit::MaskedSpan> out;
    for (const auto& piece : sink.all<audit::RequestBody>())
      out.insert(out.end(), piece.masks.begin(), piece.masks.end());
    for (const auto& piece : sink.all<audit::ResponseFragment>())
      out.insert(out.end(), piece.masks.begin(), piece.masks.end());
    return out;
  }
  std::string all_recorded() const {
    std::string out;
    std::uint64_t seq = 0;
    for (const audit::Body& body : sink.records)
      out += audit::canonical({{"", "", "", 1}, {}, body}, "w", ++seq) + "\n";
    return out;
  }
};

TEST_F(ObserveTest, ARequestGoesOnAsItCameAndItsRecordIsMasked) {
  const std::string request = post(
      R"({"model":"m","messages":[{"role":"user","content":"KEY-12345678"}]})",
      "Expect: 100-continue\r\nRange: bytes=0-4\r\nConnection: close, x-a\r\nX-A: KEY-11111111\r\n",
      "/v1/messages?q=KEY-22222222");
  client(request);
  EXPECT_EQ(sink.upstream, request);
  EXPECT_EQ(all_recorded().find("KEY-"), std::string::npos);
  const auto heads = sink.all<audit::RequestHead>();
  ASSERT_EQ(heads.size(), 1U);
  EXPECT_EQ(heads[0].mode, "observe");
  EXPECT_EQ(heads[0].model, "m");
  ASSERT_EQ(masks().size(), 1U);
  EXPECT_EQ(masks()[0].action, "observed");
  EXPECT_EQ(masks()[0].would, "mask");
  upstream("HTTP/1.1 100 Continue\r\n\r\n" + answer("{}"));
  EXPECT_EQ(sink.client, "HTTP/1.1 100 Continue\r\n\r\n" + answer("{}"));
  const auto close = sink.all<audit::ExchangeClose>();
  ASSERT_EQ(close.size(), 1U);
  EXPECT_EQ(close[0].masked, 0U);
  EXPECT_EQ(close[0].observed, 3U);  // the body, a field, the target
}

TEST_F(ObserveTest, ARequestIsNotHeldButForWhatMakesItWhole) {
  const std::string request = post(R"({"model":"m","system":"KEY-12345678"})");
  client(request.substr(0, request.size() - 10));
  EXPECT_EQ(sink.upstream, request.substr(0, request.size() - 10));
  EXPECT_TRUE(sink.all<audit::RequestHead>().empty());
  client(request.substr(request.size() - 10));
  EXPECT_EQ(sink.upstream, request);
  // The record of it stands before its last bytes.
  const auto recorded = std::ranges::find(sink.order, "record request.body");
  ASSERT_NE(recorded, sink.order.end());
  EXPECT_EQ(std::count(recorded, sink.order.end(), "upstream"), 1);
}

TEST_F(ObserveTest, AChunkedRequestKeepsItsBytesAndItsTrailers) {
  const std::string head =
      "POST /v1/messages HTTP/1.1\r\nHost: api.anthropic.com\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\nTE: trailers\r\n\r\n";
  const std::string body = chunk(R"({"system":"KEY-123)") + chunk(R"(45678"})");
  client(head);
  EXPECT_EQ(sink.upstream, head);
  client(body);
  EXPECT_EQ(dechunk(sink.upstream + std::string(kLastChunk)), R"({"system":"KEY-12345678"})");
  client("0\r\nX-T: KEY-33333333\r\n\r\n");
  EXPECT_TRUE(sink.upstream.ends_with("0\r\nX-T: KEY-33333333\r\n\r\n"));
  EXPECT_EQ(all_recorded().find("KEY-"), std::string::npos);
  EXPECT_EQ(masks().size(), 1U);
}

TEST_F(ObserveTest, WhatWouldBeBlockedGoesOnAndIsSaid) {
  const std::string request = post(R"({"system":"BAD-1234 KEY-12345678"})");
  client(request);
  EXPECT_EQ(sink.upstream, request);
  const std::string reply = answer(R"({"content":[{"type":"text","text":"BAD-5678 and on"}]})");
  upstream(reply);
  EXPECT_EQ(sink.client, reply);
  EXPECT_TRUE(sink.all<audit::Blocked>().empty());
  const auto observed = sink.all<audit::Observed>();
  ASSERT_EQ(observed.size(), 2U);
  EXPECT_EQ(observed[0].direction, "request");
  EXPECT_EQ(observed[0].rule, "bad-word");
  EXPECT_EQ(observed[0].outcome, "blocked");
  EXPECT_EQ(observed[0].answer, "451");
  EXPECT_EQ(observed[1].direction, "response");
  EXPECT_EQ(all_recorded().find("BAD-"), std::string::npos);
  EXPECT_NE(sink.recorded_response().find("and on"), std::string::npos);
  EXPECT_EQ(sink.outcome(), "complete");
}

TEST_F(ObserveTest, AStreamGoesOnByteForByteHoweverItIsCut) {
  const std::string body = kOpening + delta("a KEY-12") + delta("345678 b BAD-12") + delta("34 c") +
                           ": KEY-87654321\n\n" + delta("KEY-") + "data: x\r\n";
  every_split(body, [&](const Pieces& pieces) {
    SinkLog log;
    HttpRelay one({"api.anthropic.com", policy::Service::Anthropic}, ruleset, log);
    one.identity_known(person(), now);
    one.from_client(post(R"({"model":"m","stream":true})"), now);
    one.from_upstream(kStreamHead, now);
    std::string expected(kStreamHead);
    for (const std::string_view piece : pieces) {
      if (piece.empty()) continue;
      one.from_upstream(chunk(piece), now);
      expected += chunk(piece);
      EXPECT_EQ(log.client, expected);  // at once, chunk for chunk
    }
    one.from_upstream(kLastChunk, now);
    EXPECT_EQ(log.client, expected + std::string(kLastChunk));
    EXPECT_EQ(log.recorded_response().find("KEY-1"), std::string::npos);
    EXPECT_EQ(log.recorded_response().find("BAD-"), std::string::npos);
    return std::pair(log.recorded_response(), log.all<audit::ExchangeClose>()[0].observed);
  });
}

// What a policy that enforces would have written down, but for what it says was done.
TEST_F(ObserveTest, RecordsAreThoseOfAPolicyThatEnforcesButForTheMark) {
  const std::vector<std::pair<std::string, std::string>> answers = {
      {"text/event-stream",
       kOpening + delta("a KEY-12") + delta("345678 b") + delta("{HIDE-1234} 770012345678")},
      {"application/json",
       R"({"content":[{"text":"KEY-12345678 \u004bEY-87654321"}],"n":770012345678})"},
      {"text/plain", "one KEY-12345678 two HIDE-1234\n"},
      {"application/x-www-form-urlencoded", "a=KEY-12345678&token=KEY-11111111&b=2"},
      {"application/json",
       R"({"content":[{"type":"document","source":{"type":"base64","media_type":"text/plain","data":")" +
           crypto::base64_encode("a text with KEY-12345678 in it, long enough to be looked into") +
           "\"}}]}"}};
  const auto run = [&](std::string_view policy, const std::string& type, const std::string& body) {
    SinkLog log;
    HttpRelay one({"api.anthropic.com", policy::Service::Anthropic}, make_ruleset(policy), log);
    one.identity_known(person(), now);
    one.from_client(post(R"({"model":"m","system":"a KEY-12345678 b"})"), now);
    one.from_upstream("HTTP/1.1 200 OK\r\nContent-Type: " + type +
                          "\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(body) +
                          std::string(kLastChunk),
                      now);
    return log;
  };
  for (const auto& [type, body] : answers) {
    const SinkLog enforced = run(kPolicy, type, body), observed = run(kObserving, type, body);
    EXPECT_EQ(observed.recorded_response(), enforced.recorded_response()) << body;
    EXPECT_EQ(observed.recorded_request(), enforced.recorded_request());
    const auto spans = [](const SinkLog& log, bool marked) {
      std::vector<std::string> out;
      for (const auto& piece : log.all<audit::ResponseFragment>()) {
        for (const audit::MaskedSpan& mask : piece.masks) {
          EXPECT_EQ(mask.action, marked ? "observed" : "mask");
          EXPECT_EQ(mask.would, marked ? "mask" : "");
          out.push_back(mask.rule + " " + mask.digest + " " + std::to_string(mask.offset) + " " +
                        std::to_string(mask.length) + " " + std::to_string(mask.released_length));
        }
      }
      return out;
    };
    EXPECT_EQ(spans(observed, true), spans(enforced, false)) << body;
    EXPECT_FALSE(spans(enforced, false).empty()) << body;
    const auto sums = [](const SinkLog& log) {
      const auto close = log.all<audit::ExchangeClose>()[0];
      return close.masked + close.observed;
    };
    EXPECT_EQ(sums(observed), sums(enforced)) << body;
  }
}

TEST_F(ObserveTest, ACodedAnswerKeepsItsBytes) {
  const auto codings = wire::read_codings({"gzip"});
  std::string coded;
  auto encoder = wire::Encoder::make(*codings);
  ASSERT_TRUE(encoder);
  ASSERT_TRUE(encoder->feed(R"({"content":[{"text":"KEY-12345678"}]})", coded));
  ASSERT_TRUE(encoder->finish(coded));
  ask();
  const std::string reply =
      answer(coded, "Content-Encoding: gzip\r\nETag: \"x\"\r\nDigest: a=b\r\n");
  upstream(reply.substr(0, reply.size() - 9));
  EXPECT_EQ(sink.client, reply.substr(0, reply.size() - 9));
  upstream(reply.substr(reply.size() - 9));
  EXPECT_EQ(sink.client, reply);
  EXPECT_EQ(masks().size(), 1U);
  EXPECT_EQ(all_recorded().find("KEY-"), std::string::npos);
}

TEST_F(ObserveTest, WhatCannotBeInspectedGoesOnWithAGapThatSaysWhatItWouldHaveBeen) {
  ask();
  upstream(answer("KEY-12345678", "Content-Encoding: lzma\r\n"));
  EXPECT_TRUE(sink.client.ends_with("KEY-12345678"));
  client(post("{\"a\":KEY-12345678}"));
  EXPECT_TRUE(sink.upstream.ends_with("KEY-12345678}"));
  upstream(answer("{\"a\" KEY-12345678"));
  EXPECT_TRUE(sink.client.ends_with("KEY-12345678"));
  client(post("{}", "Content-Encoding: lzma\r\n"));
  upstream(
      "HTTP/1.1 206 Partial Content\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nab");
  EXPECT_TRUE(sink.client.ends_with("ab"));
  const auto gaps = sink.all<audit::Gap>();
  ASSERT_EQ(gaps.size(), 5U);
  for (const audit::Gap& gap : gaps) {
    EXPECT_EQ(gap.action, "pass") << gap.reason;
    EXPECT_EQ(gap.would, "block") << gap.reason;
  }
  EXPECT_EQ(all_recorded().find("KEY-"), std::string::npos);
  EXPECT_FALSE(sink.closed);
}

TEST_F(ObserveTest, WhoeverHasNotSignedInPassesAndIsSaid) {
  SinkLog log;
  HttpRelay one({"api.anthropic.com", policy::Service::Anthropic}, ruleset, log);
  const std::string request = post(R"({"model":"m"})");
  one.from_client(request, now);
  EXPECT_EQ(log.identity_asked, 1);
  EXPECT_TRUE(log.asked_at_once);
  EXPECT_EQ(log.upstream, "");
  one.identity_refused("sign in at https://idp", false, true, now);
  EXPECT_EQ(log.upstream, request);
  const auto observed = log.all<audit::Observed>();
  ASSERT_EQ(observed.size(), 1U);
  EXPECT_EQ(observed[0].outcome, "sign-in wanted");
  EXPECT_EQ(observed[0].answer, "403");
  const auto head = log.all<audit::RequestHead>();
  ASSERT_EQ(head.size(), 1U);
  EXPECT_EQ(head[0].person.method, "none");
  EXPECT_EQ(head[0].person.subject, "");
  one.from_upstream(answer("{}"), now);
  EXPECT_TRUE(log.client.ends_with("{}"));
  // And is asked about again, as who they are by then.
  now.mono = now.mono + std::chrono::seconds(2);
  one.from_client(request, now);
  EXPECT_EQ(log.identity_asked, 2);
  one.identity_known(person(), now);
  EXPECT_EQ(log.all<audit::RequestHead>().back().person.name, "ada");
  EXPECT_EQ(log.all<audit::Observed>().size(), 1U);
}

TEST_F(ObserveTest, ALostSignInEndsNothing) {
  ask();
  upstream(std::string(kStreamHead) + chunk(kOpening + delta("one")));
  relay.identity_refused("signed out", false, false, now);
  upstream(chunk(delta("two")) + std::string(kLastChunk));
  EXPECT_NE(sink.client.find("two"), std::string::npos);
  EXPECT_TRUE(sink.client.ends_with(kLastChunk));
  const auto changes = sink.all<audit::IdentityChange>();
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0].what, "lost");
  EXPECT_EQ(changes[0].answer, "");
  EXPECT_EQ(sink.all<audit::Observed>()[0].outcome, "identity lost");
  EXPECT_EQ(sink.outcome(), "complete");
}

TEST_F(ObserveTest, AnotherHostIsRefusedNowhereAndMalformedHttpIsRefusedAllTheSame) {
  const std::string request =
      "GET /v1/models HTTP/1.1\r\nHost: other.example.com\r\nX-Odd: 1\r\n\r\n";
  client(request);
  EXPECT_EQ(sink.upstream, request);
  EXPECT_EQ(sink.all<audit::Observed>()[0].reason.find("KEY"), std::string::npos);
  upstream(answer("{}"));
  client("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(sink.all<audit::Gap>().back().action, "block");
  EXPECT_TRUE(sink.closed);
}

TEST_F(ObserveTest, FromTheSwitchOnTheRestIsMaskedAndBehindTheNextItIsNot) {
  ask();
  upstream(std::string(kStreamHead) + chunk(kOpening + delta("one KEY-11111111 ")));
  relay.adopt(make_ruleset(kPolicy));
  upstream(chunk(delta("two KEY-22222222 ")));
  relay.adopt(make_ruleset(kObserving));
  upstream(chunk(delta("three KEY-33333333 ")) + std::string(kLastChunk));
  const std::string seen = dechunk(sink.client);
  EXPECT_NE(seen.find("KEY-11111111"), std::string::npos);
  EXPECT_EQ(seen.find("KEY-22222222"), std::string::npos);
  EXPECT_NE(seen.find("two [MASKED:test-key:"), std::string::npos);
  EXPECT_NE(seen.find("KEY-33333333"), std::string::npos);
  EXPECT_EQ(all_recorded().find("KEY-"), std::string::npos);
  ASSERT_EQ(masks().size(), 3U);
  EXPECT_EQ(masks()[0].action, "observed");
  EXPECT_EQ(masks()[1].action, "mask");
  EXPECT_EQ(masks()[2].action, "observed");
  const auto close = sink.all<audit::ExchangeClose>()[0];
  EXPECT_EQ(close.masked, 1U);
  EXPECT_EQ(close.observed, 2U);
}

// A secret that is under way at the switch ends as it began: none of it is in the record, and no
// event is doubled or lost.
TEST_F(ObserveTest, ASwitchAtAnyByteLosesAndDoublesNothing) {
  const std::string body = kOpening + delta("a KEY-12") + delta("345678 b") + delta("c d") +
                           delta("e KEY-87654321 f") + delta("g");
  const auto observing = make_ruleset(kObserving), enforcing = make_ruleset(kPolicy);
  for (const bool to_enforce : {true, false}) {
    for (std::size_t cut = 0; cut <= body.size(); ++cut) {
      SinkLog log;
      HttpRelay one({"api.anthropic.com", policy::Service::Anthropic},
                    to_enforce ? observing : enforcing, log);
      one.identity_known(person(), now);
      one.from_client(post(R"({"model":"m","stream":true})"), now);
      one.from_upstream(kStreamHead, now);
      if (cut > 0) one.from_upstream(chunk(body.substr(0, cut)), now);
      one.adopt(to_enforce ? enforcing : observing);
      if (cut < body.size()) one.from_upstream(chunk(body.substr(cut)), now);
      one.from_upstream(kLastChunk, now);
      std::string seen = dechunk(log.client);
      // The text of all deltas, masked or not, as a client joins it.
      std::string text;
      for (std::size_t at = 0; (at = seen.find("\"text\":\"", at)) != std::string::npos;) {
        at += 8;
        text += seen.substr(at, seen.find('"', at) - at);
      }
      for (const std::string_view secret : {"KEY-12345678", "KEY-87654321"}) {
        for (std::size_t at; (at = text.find("[MASKED:test-key:")) != std::string::npos;)
          text.replace(at, text.find(']', at) + 1 - at, "*");
        if (const std::size_t at = text.find(secret); at != std::string::npos)
          text.replace(at, secret.size(), "*");
      }
      EXPECT_EQ(text, "a * bc de * fg") << "cut " << cut << " to enforce " << to_enforce;
      EXPECT_EQ(log.recorded_response().find("KEY-"), std::string::npos) << cut;
      EXPECT_EQ(log.recorded_response().find("45678"), std::string::npos) << cut;
      EXPECT_EQ(log.outcome(), "complete");
    }
  }
}

TEST_F(ObserveTest, ABodyWithALengthEndsAsItBegan) {
  ask();
  const std::string reply =
      answer(R"({"content":[{"text":"KEY-12345678"},{"text":"KEY-87654321"}]})");
  upstream(reply.substr(0, reply.size() - 20));
  relay.adopt(make_ruleset(kPolicy));
  upstream(reply.substr(reply.size() - 20));
  EXPECT_EQ(sink.client, reply);
  EXPECT_EQ(masks().size(), 2U);
  EXPECT_EQ(all_recorded().find("KEY-"), std::string::npos);
  ask();
  upstream(reply);
  EXPECT_EQ(sink.client.substr(reply.size()).find("KEY-"), std::string::npos);
}

TEST_F(ObserveTest, ASwitchWhileAnAnswerIsHeldLetsItGoOn) {
  relay.adopt(make_ruleset(kPolicy));
  ask();
  const std::string reply = answer(R"({"content":[{"text":"KEY-12345678"}]})");
  upstream(reply.substr(0, reply.size() - 5));
  EXPECT_EQ(sink.client, "");
  relay.adopt(make_ruleset(kObserving));
  EXPECT_EQ(sink.client, reply.substr(0, reply.size() - 5));
  upstream(reply.substr(reply.size() - 5));
  EXPECT_EQ(sink.client, reply);
  EXPECT_EQ(masks()[0].action, "observed");
}

TEST_F(ObserveTest, WhoPassedOnlyBecauseOfItIsCutOffByTheSwitch) {
  SinkLog log;
  HttpRelay one({"api.anthropic.com", policy::Service::Anthropic}, ruleset, log);
  one.from_client(post(R"({"model":"m","stream":true})"), now);
  one.identity_refused("sign in", false, true, now);
  one.from_upstream(std::string(kStreamHead) + chunk(kOpening + delta("one")), now);
  one.adopt(make_ruleset(kPolicy));
  EXPECT_EQ(log.identity_asked, 2);
  one.identity_refused("sign in", false, true, now);
  EXPECT_EQ(log.outcome(), "identity lost");
}

TEST_F(ObserveTest, AnAnswerBeforeTheRequestIsWholeFollowsItsRecord) {
  const std::string request = post(R"({"model":"m","system":"KEY-12345678"})");
  client(request.substr(0, request.size() - 3));
  upstream("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(sink.client.starts_with("HTTP/1.1 413"));
  const auto at = [&](std::string_view what) { return std::ranges::find(sink.order, what); };
  EXPECT_LT(at("record request.head"), at("record response.head"));
  EXPECT_LT(at("record response.head"), at("client"));
  EXPECT_EQ(sink.all<audit::RequestHead>().size(), 1U);
  EXPECT_EQ(all_recorded().find("KEY-"), std::string::npos);
}

TEST_F(ObserveTest, WhatHasGoneOnIsOnRecordWhenTheClientLeaves) {
  ask();
  upstream(std::string(kStreamHead) + chunk(kOpening + delta("KEY-123")));
  relay.client_ended();
  EXPECT_NE(sink.recorded_response().find("KEY-123"), std::string::npos);
  const std::string request = post(R"({"model":"m"})");
  SinkLog log;
  HttpRelay one({"api.anthropic.com", policy::Service::Anthropic}, ruleset, log);
  one.identity_known(person(), now);
  one.from_client(request.substr(0, request.size() - 3), now);
  one.client_ended();
  EXPECT_EQ(log.all<audit::RequestHead>().size(), 1U);
  EXPECT_EQ(log.outcome(), "client left");
}

// Whatever an answer is and however it comes: observed it goes on as it came, and no secret is in
// the record, also where the mode changes at any time.
TEST_F(ObserveTest, WhateverComesGoesOnAndNoRecordHoldsASecret) {
  const auto observing = make_ruleset(kObserving), enforcing = make_ruleset(kPolicy);
  const std::vector<std::string> types = {"text/event-stream", "application/json",
                                          "text/plain",        "application/x-www-form-urlencoded",
                                          "image/png",         ""};
  const std::vector<std::string> pieces = {"KEY-1234",
                                           "5678",
                                           " ",
                                           "BAD-12",
                                           "34",
                                           "\n",
                                           "\n\n",
                                           "data: ",
                                           "{\"a\":",
                                           "\"",
                                           "}",
                                           "a=b",
                                           "&",
                                           "\\u004bEY-12345678",
                                           ",",
                                           "[",
                                           "]",
                                           "7700",
                                           "12345678",
                                           "\xff",
                                           delta("x KEY-12345678 y"),
                                           delta("KEY-12"),
                                           delta("345678"),
                                           kOpening};
  std::mt19937 random(20261129);
  const auto below = [&](std::size_t n) { return std::size_t{random()} % n; };
  for (int run = 0; run < 3000; ++run) {
    std::string body;
    for (std::size_t n = below(12); n > 0; --n) body += pieces[below(pieces.size())];
    const bool flips = run % 2 == 1;
    SinkLog log;
    HttpRelay one({"api.anthropic.com", policy::Service::Anthropic}, observing, log);
    one.identity_known(person(), now);
    one.from_client(post(R"({"model":"m","stream":true})"), now);
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: " + types[below(types.size())] +
                             "\r\nTransfer-Encoding: chunked\r\n\r\n";
    one.from_upstream(head, now);
    std::string expected = head;
    for (std::string_view rest = body; !rest.empty();) {
      const std::string_view piece = rest.substr(0, 1 + below(rest.size()));
      rest.remove_prefix(piece.size());
      if (flips && below(3) == 0) one.adopt(below(2) == 0 ? observing : enforcing);
      one.from_upstream(chunk(piece), now);
      expected += chunk(piece);
      if (!flips) {
        ASSERT_EQ(log.client, expected) << body;
      }
    }
    one.from_upstream(kLastChunk, now);
    if (!flips) {
      ASSERT_EQ(log.client, expected + std::string(kLastChunk)) << body;
      EXPECT_EQ(log.outcome(), "complete");
    }
    for (const std::string_view secret : {"KEY-12345678", "BAD-1234"})
      ASSERT_EQ(log.recorded_response().find(secret), std::string::npos) << body;
  }
}

class ObserveGivenTest : public ObserveTest {
 protected:
  static std::string given() {
    std::string policy = kObserving;
    const std::string_view host = "speaks = \"anthropic\"\n";
    policy.insert(policy.find(host) + host.size(),
                  "credential_required = true\n[[host.credential]]\ngroup = \"staff\"\nuse = "
                  "\"all-staff\"\n");
    return policy;
  }
  ObserveGivenTest() : ObserveTest(given()) {}
};

TEST_F(ObserveGivenTest, TheOrganisationsCredentialIsGivenAndCoveredAsEver) {
  identity::Person staff = person();
  staff.groups = {"staff"};
  relay.identity_known(staff, now);
  client(post("{}", "x-api-key: mine\r\nX-Odd:  KEY-12345678\r\n"));
  ASSERT_EQ(sink.credentials_asked, std::vector<std::string>{"all-staff"});
  EXPECT_EQ(sink.upstream, "");
  relay.credential_known("all-staff",
                         std::make_shared<const Secret>(std::string("ours-1234567890")), now);
  EXPECT_NE(sink.upstream.find("x-api-key: ours-1234567890\r\n"), std::string::npos);
  EXPECT_EQ(sink.upstream.find("mine"), std::string::npos);
  EXPECT_NE(sink.upstream.find("X-Odd:  KEY-12345678\r\n"), std::string::npos);
  upstream(answer(R"({"content":[{"text":"ours-1234567890 KEY-12345678"}]})"));
  EXPECT_EQ(sink.client.find("ours-"), std::string::npos);
  EXPECT_NE(sink.client.find("KEY-12345678"), std::string::npos);
  EXPECT_EQ(all_recorded().find("ours-"), std::string::npos);
  EXPECT_EQ(all_recorded().find("KEY-1"), std::string::npos);
  EXPECT_EQ(sink.outcome(), "complete");
}

// An id is no text that a rule looks at, and a name of the network's cuts is none either.
TEST_F(ObserveGivenTest, ACredentialThatIsRepeatedWhereNoRuleLooksIsNotWrittenDown) {
  identity::Person staff = person();
  staff.groups = {"staff"};
  const std::string body = R"({"id":"msg_ours-1234567890","type":"message","content":[]})";
  for (std::size_t cut = 0; cut <= body.size(); ++cut) {
    relay.identity_known(staff, now);
    client(post("{}"));
    relay.credential_known("all-staff",
                           std::make_shared<const Secret>(std::string("ours-1234567890")), now);
    upstream(answer(body).substr(0, answer(body).size() - body.size()));
    upstream(body.substr(0, cut));
    upstream(body.substr(cut));
  }
  EXPECT_EQ(sink.outcome(), "complete");
  EXPECT_EQ(sink.client.find("ours-"), std::string::npos);
  EXPECT_EQ(all_recorded().find("ours-"), std::string::npos);
  EXPECT_EQ(sink.recorded_response().size(), body.size() * (body.size() + 1));
}

class ObservePassingTest : public ObserveTest {
 protected:
  static std::string passing() {
    return kObserving + "[[action]]\nrule = \"card\"\naction = \"pass\"\n";
  }
  ObservePassingTest() : ObserveTest(passing()) {}
};

TEST_F(ObservePassingTest, WhatThePolicyLetsPassIsNotWrittenDownEither) {
  ask();
  upstream(std::string(kStreamHead) + chunk(kOpening + delta("770012345678 KEY-12345678")));
  EXPECT_NE(sink.client.find("770012345678"), std::string::npos);
  relay.client_ended();
  EXPECT_EQ(all_recorded().find("770012345678"), std::string::npos);
  ASSERT_EQ(masks().size(), 2U);
  EXPECT_EQ(masks()[0].action, "pass");
  EXPECT_EQ(masks()[0].would, "");
  EXPECT_EQ(masks()[1].action, "observed");
  EXPECT_EQ(sink.all<audit::ExchangeClose>().back().observed, 1U);
}

TEST_F(ObserveGivenTest, WhoIsGivenNoneGoesOnWithTheirOwn) {
  const std::string request = post("{}", "x-api-key: mine\r\n");
  client(request);
  EXPECT_EQ(sink.upstream, request);
  ASSERT_EQ(sink.all<audit::Observed>().size(), 1U);
  EXPECT_EQ(sink.all<audit::Observed>()[0].outcome, "no credential");
  upstream(answer("{}"));
  identity::Person staff = person();
  staff.groups = {"staff"};
  relay.identity_known(staff, now);
  client(request);
  relay.credential_refused("all-staff", "the vault does not answer", now);
  EXPECT_EQ(sink.upstream, request + request);
  EXPECT_EQ(sink.all<audit::Observed>().back().outcome, "credential unavailable");
}

class ObserveScopeTest : public ObserveTest {
 protected:
  static std::string scoped() {
    return "mode = \"observe\"\n" + std::string(kPolicy) +
           "[[scope]]\ngroup = \"pilot\"\nmode = \"enforce\"\n"
           "[[scope]]\nhost = \"mcp.example.com\"\nmode = \"enforce\"\n";
  }
  ObserveScopeTest() : ObserveTest(scoped()) {}
};

TEST_F(ObserveScopeTest, AGroupMayBeEnforcedWhileOthersAreObserved) {
  const std::string request = post(R"({"system":"KEY-12345678"})");
  client(request);
  EXPECT_EQ(sink.upstream, request);
  SinkLog log;
  HttpRelay one({"api.anthropic.com", policy::Service::Anthropic}, ruleset, log);
  one.from_client(request, now);
  EXPECT_EQ(log.upstream, "");  // who it is decides
  identity::Person pilot = person();
  pilot.groups = {"pilot"};
  one.identity_known(pilot, now);
  EXPECT_NE(log.upstream.find("[MASKED:test-key:"), std::string::npos);
  EXPECT_EQ(log.all<audit::RequestHead>()[0].mode, "");
  one.from_upstream(answer(R"({"content":[{"text":"BAD-1234"}]})"), now);
  EXPECT_EQ(log.outcome(), "blocked");
}

}  // namespace
}  // namespace veilwire::flow
