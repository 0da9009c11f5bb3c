// Conversations over a relay, each exchange on a connection of its own, as clients may do: what the
// provider gets of earlier turns is what it has sent and seen.
#include "userspace/flow/conversation.h"

#include "tests/unit/flow/relay_fixture.h"
#include "userspace/base/limits.h"
#include "userspace/crypto/encoding.h"
#include "userspace/wire/content_coding.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kKey = "KEY-12345678";
constexpr std::string_view kOther = "KEY-87654321";
// The same hosts and rules, and requests pass.
constexpr std::string_view kLenient = R"(
[[host]]
name = "api.anthropic.com"
speaks = "anthropic"
[[host]]
name = "eu.anthropic.com"
speaks = "anthropic"
[[action]]
rule = "test-key"
direction = "request"
action = "pass"
[default]
request = "mask"
response = "mask"
)";

std::string body_of(std::string_view bytes) {
  return std::string(bytes.substr(bytes.find("\r\n\r\n") + 4));
}

class ConversationTest : public testing::Test {
 protected:
  struct Sent {
    std::string upstream, client;  // bodies
    std::string recorded;          // all records of bodies
  };

  Sent exchange(const std::string& body, std::string_view answer_body,
                std::string_view type = "application/json") {
    SinkLog sink;
    HttpRelay relay({host_, policy::Service::Anthropic, {nullptr, user_}, memory_}, ruleset_, sink);
    identity::Person person;
    person.issuer = "local";
    person.subject = person.name = "1000";
    person.valid_until = {std::chrono::hours(100)};
    relay.identity_known(person, now_);
    relay.from_client("POST /v1/messages HTTP/1.1\r\nHost: " + host_ +
                          "\r\ncontent-type: application/json\r\nContent-Length: " +
                          std::to_string(body.size()) + "\r\n\r\n" + body,
                      now_);
    std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: " + std::string(type) + "\r\n";
    const bool stream = type == "text/event-stream";
    answer += stream ? "Transfer-Encoding: chunked\r\n\r\n"
                     : "Content-Length: " + std::to_string(answer_body.size()) + "\r\n\r\n";
    relay.from_upstream(answer, now_);
    if (stream) {  // each byte by itself
      for (const char c : answer_body) relay.from_upstream(chunk({&c, 1}), now_);
      relay.from_upstream("0\r\n\r\n", now_);
    } else {
      relay.from_upstream(answer_body, now_);
    }
    return {sink.upstream.empty() ? "" : body_of(sink.upstream),
            stream ? dechunk(sink.client) : body_of(sink.client),
            sink.recorded_request() + sink.recorded_response()};
  }

  static std::string request(const std::string& messages, const std::string& more = "") {
    return R"({"model":"m",)" + more + R"("messages":[)" + messages + "]}";
  }
  static std::string user(const std::string& text) {
    return R"({"role":"user","content":")" + text + R"("})";
  }
  static std::string assistant(const std::string& content) {
    return R"({"role":"assistant","content":[)" + content + "]}";
  }
  static std::string text(const std::string& text) {
    return R"({"type":"text","text":")" + text + R"("})";
  }
  static std::string answer(const std::string& content) {
    return R"({"type":"message","role":"assistant","content":[)" + content + "]}";
  }
  // The content array of an answer as the client keeps it.
  static std::string content_of(const std::string& body) {
    const std::size_t begin = body.find(R"("content":[)") + 11;
    return body.substr(begin, body.rfind(']') - begin);
  }

  std::shared_ptr<ConversationMemory> memory_ =
      std::make_shared<ConversationMemory>(crypto::sha256("a key of the tests"));
  std::shared_ptr<const Ruleset> ruleset_ = make_ruleset();
  std::string host_ = "api.anthropic.com";
  std::uint32_t user_ = 1000;
  Now now_;
};

TEST_F(ConversationTest, WhatWasMaskedInAnAnswerGoesBackAsTheProviderWroteIt) {
  const std::string said = text("the key is " + std::string(kKey) + " and " + std::string(kOther));
  const Sent first = exchange(request(user("hello")), answer(said));
  EXPECT_THAT(first.client, Not(HasSubstr(kKey)));
  const std::string kept = content_of(first.client);
  EXPECT_THAT(kept, HasSubstr("[MASKED:test-key:"));

  const Sent second =
      exchange(request(user("hello") + "," + assistant(kept) + "," + user("go on")), answer(""));
  EXPECT_EQ(second.upstream, request(user("hello") + "," + assistant(said) + "," + user("go on")));
  EXPECT_THAT(second.recorded, Not(HasSubstr(kKey)));
  EXPECT_THAT(second.recorded, HasSubstr("[MASKED:test-key:"));

  // And at every turn that follows, also where cache marks move and texts change their form.
  const std::string again = R"({"role":"user","content":[{"type":"text","text":"hello"}]},)";
  const std::string last =
      R"(,{"role":"user","content":[{"type":"text","text":"more","cache_control":{"type":"ephemeral"}}]})";
  const std::string middle = "," + user("go on") + "," + assistant(text("yes"));
  EXPECT_EQ(exchange(request(again + assistant(kept) + middle + last), answer("")).upstream,
            request(again + assistant(said) + middle + last));
}

TEST_F(ConversationTest, EveryKindOfBlockOfAStreamGoesBack) {
  const auto event = [](std::string_view type, const std::string& rest) {
    return "event: " + std::string(type) + "\ndata: {\"type\":\"" + std::string(type) + "\"" +
           (rest.empty() ? "" : "," + rest) + "}\n\n";
  };
  const auto delta = [&](int index, const std::string& of) {
    return event("content_block_delta",
                 "\"index\":" + std::to_string(index) + ",\"delta\":{" + of + "}");
  };
  const std::string stream =
      event("message_start", R"("message":{"content":[]})") +
      event("content_block_start",
            R"("index":0,"content_block":{"type":"thinking","thinking":"","signature":""})") +
      delta(0, R"("type":"thinking_delta","thinking":"I saw KEY-1234")") +
      delta(0, R"("type":"thinking_delta","thinking":"5678 \"there\"")") +
      delta(0, R"("type":"signature_delta","signature":"c2ln")") +
      event("content_block_stop", R"("index":0)") +
      event("content_block_start",
            R"("index":1,"content_block":{"type":"tool_use","id":"t","name":"Bash","input":{}})") +
      delta(1, R"("type":"input_json_delta","partial_json":"{\"command\":\"echo \\\"KEY-")") +
      delta(1, R"("type":"input_json_delta","partial_json":"87654321\\\"\"}")") +
      event("content_block_stop", R"("index":1)") + event("message_stop", "");
  const Sent first = exchange(request(user("hello")), stream, "text/event-stream");
  EXPECT_THAT(first.client, Not(HasSubstr("KEY-1234")));
  EXPECT_THAT(first.client, Not(HasSubstr("87654321")));
  const auto mask_behind = [&](std::string_view before) {
    const std::size_t at = first.client.find("[MASKED:", first.client.find(before));
    return first.client.substr(at, first.client.find(']', at) + 1 - at);
  };
  const auto turn = [](const std::string& one, const std::string& two) {
    return assistant(R"({"type":"thinking","thinking":"I saw )" + one +
                     R"( \"there\"","signature":"c2ln"},{"type":"tool_use","id":"t","name":"Bash",)"
                     R"("input":{"command":"echo \")" +
                     two + R"(\""}})");
  };
  const std::string kept = turn(mask_behind("thinking_delta"), mask_behind("input_json_delta"));
  const std::string sent = turn(std::string(kKey), std::string(kOther));
  EXPECT_EQ(exchange(request(user("hello") + "," + kept + "," + user("on")), answer("")).upstream,
            request(user("hello") + "," + sent + "," + user("on")));
}

TEST_F(ConversationTest, AReplacementThatNamesNothingGoesBackToItsPlace) {
  const std::string said = text(R"(*** \u00e9 \"HIDE-0001\", HIDE-0002 and ***)") + "," +
                           text("HIDE-0003") + "," + text("***");
  const Sent first = exchange(request(user("hello")), answer(said));
  EXPECT_THAT(first.client, Not(HasSubstr("HIDE-")));
  const auto goes_on = [&](const std::string& kept) {
    return request(user("hello") + "," + assistant(kept) + "," + user("on"));
  };
  const Sent second = exchange(goes_on(content_of(first.client)), answer(""));
  EXPECT_EQ(second.upstream, goes_on(said));
  EXPECT_THAT(second.recorded, Not(HasSubstr("HIDE-")));
}

TEST_F(ConversationTest, ANumberGoesBackAsANumber) {
  const auto use = [](const std::string& card) {
    return R"({"type":"tool_use","id":"t","name":"pay","input":{"card":)" + card +
           R"(,"text":"770012345678","more":[1, )" + card + "]}}";
  };
  const Sent first = exchange(request(user("hello")), answer(use("770012345678")));
  EXPECT_THAT(first.client, Not(HasSubstr("7700")));
  const auto goes_on = [&](const std::string& kept) {
    return request(user("hello") + "," + assistant(kept) + "," + user("on"));
  };
  EXPECT_EQ(exchange(goes_on(content_of(first.client)), answer("")).upstream,
            goes_on(use("770012345678")));
}

TEST_F(ConversationTest, ANumberOfAStreamedInputGoesBackAsANumber) {
  const std::string stream =
      "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"content\":[]}}\n\n"
      "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
      R"("content_block":{"type":"tool_use","id":"t","name":"pay","input":{}}})"
      "\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
      R"("delta":{"type":"input_json_delta","partial_json":"{\"card\": 77001234"}})"
      "\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
      R"("delta":{"type":"input_json_delta","partial_json":"5678, \"n\": 3}"}})"
      "\n\nevent: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
      "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
  const Sent first = exchange(request(user("hello")), stream, "text/event-stream");
  EXPECT_THAT(first.client, Not(HasSubstr("1234")));
  const std::size_t at = first.client.find("[MASKED:card:");
  ASSERT_NE(at, std::string::npos) << first.client;
  const std::string mask = first.client.substr(at, first.client.find(']', at) + 1 - at);
  const auto goes_on = [&](const std::string& card) {
    return request(user("hello") + "," +
                   assistant(R"({"type":"tool_use","id":"t","name":"pay","input":{"card":)" + card +
                             R"(,"n":3}})") +
                   "," + user("on"));
  };
  EXPECT_EQ(exchange(goes_on("\"" + mask + "\""), answer("")).upstream, goes_on("770012345678"));
}

TEST_F(ConversationTest, WhatWasMaskedInBase64GoesBack) {
  std::string packed;
  auto encoder = wire::Encoder::make({wire::Coding::Gzip});
  ASSERT_TRUE(encoder && encoder->feed("the key is " + std::string(kKey), packed) &&
              encoder->finish(packed));
  const auto fetched = [](std::string_view data) {
    return R"({"type":"web_fetch_tool_result","tool_use_id":"t","content":{"type":"document",)"
           R"("source":{"type":"base64","media_type":"text/plain","data":")" +
           std::string(data) + R"("}}})";
  };
  std::string said;
  for (const std::string& bytes :
       {"ab" + std::string(kKey) + " and " + std::string(kOther) + "!", packed, std::string(kKey)})
    said += fetched(crypto::base64_encode(bytes)) + ",";
  const std::string lines = crypto::base64_encode("ab\n" + std::string(kKey));
  said += fetched(lines.substr(0, 8) + "\\n" + lines.substr(8) + "\\n") + "," + text("***");
  const Sent first = exchange(request(user("hello")), answer(said));
  EXPECT_THAT(first.client, Not(HasSubstr(lines.substr(8))));
  const auto goes_on = [&](const std::string& kept) {
    return request(user("hello") + "," + assistant(kept) + "," + user("on"));
  };
  EXPECT_EQ(exchange(goes_on(content_of(first.client)), answer("")).upstream, goes_on(said));
}

TEST_F(ConversationTest, AMaskMeansNothingAnywhereElse) {
  const Sent first = exchange(request(user("hello")), answer(text(std::string(kKey))));
  const std::string kept = content_of(first.client);
  const std::string mask = kept.substr(kept.find('['), kept.find(']') + 1 - kept.find('['));
  const auto stays = [&](const std::string& body) {
    EXPECT_EQ(exchange(body, answer("")).upstream, body);
  };
  // Spoken by the person, in another conversation, by another user, to another host.
  stays(request(user("what is " + mask)));
  stays(request(user("hello") + "," + assistant(text("yes")) + "," + user(mask)));
  stays(request(user("something else") + "," + assistant(kept) + "," + user("on")));
  const std::string goes_on = request(user("hello") + "," + assistant(kept) + "," + user("on"));
  user_ = 1001;
  stays(goes_on);
  user_ = 1000;
  ruleset_ = make_ruleset(kLenient);
  host_ = "eu.anthropic.com";
  stays(goes_on);
  host_ = "api.anthropic.com";
  EXPECT_THAT(exchange(goes_on, answer("")).upstream, HasSubstr(kKey));
}

TEST_F(ConversationTest, ANewRuleDoesNotRewriteWhatWasSentBefore) {
  const std::string key(kKey);
  const std::string head = R"("system":"you know )" + key +
                           R"(","tools":[{"name":"t","description":")" + key + R"("}],)";
  const std::string long_text = std::string(200, 'x') + " " + key;
  const std::string first = user(long_text);
  ruleset_ = make_ruleset(kLenient);
  EXPECT_EQ(exchange(request(first, head), answer(text("yes"))).upstream, request(first, head));

  ruleset_ = make_ruleset();
  for (int turns = 0; turns < 2; ++turns) {
    const Sent sent = exchange(
        request(first + "," + assistant(text("yes")) + "," + user(key), head), answer(text("ok")));
    EXPECT_THAT(sent.upstream, HasSubstr(first + ","));
    EXPECT_THAT(sent.upstream, HasSubstr(head));
    EXPECT_THAT(sent.upstream, Not(HasSubstr(user(key))));
    EXPECT_THAT(sent.recorded, Not(HasSubstr(key)));
  }
  // What is new is read by the new rules, and stays so.
  const std::string third =
      first + "," + assistant(text("yes")) + "," + user(key) + "," + assistant(text("ok"));
  ruleset_ = make_ruleset(kLenient);
  const Sent last = exchange(request(third + "," + user(key + " again"), head), answer(""));
  EXPECT_THAT(last.upstream, HasSubstr(first + ","));
  EXPECT_THAT(last.upstream, Not(HasSubstr(user(key))));
  EXPECT_THAT(last.upstream, HasSubstr(user(key + " again")));
  // Another conversation that begins alike is a new one.
  ruleset_ = make_ruleset();
  EXPECT_THAT(exchange(request(first, head), answer("")).upstream, Not(HasSubstr(key)));
}

TEST_F(ConversationTest, WhatAnAnswerMayShowGoesBackAlthoughRequestsAreMasked) {
  ruleset_ = make_ruleset(R"(
[[host]]
name = "api.anthropic.com"
speaks = "anthropic"
[default]
request = "mask"
response = "pass"
)");
  const std::string said = text(std::string(kKey));
  const Sent first = exchange(request(user("hello")), answer(said));
  EXPECT_THAT(first.client, HasSubstr(kKey));
  const std::string goes_on = user("hello") + "," + assistant(said) + ",";
  const Sent second = exchange(request(goes_on + user("on")), answer(""));
  EXPECT_EQ(second.upstream, request(goes_on + user("on")));
  EXPECT_THAT(second.recorded, Not(HasSubstr(kKey)));
  // Nobody has said it in this one.
  EXPECT_THAT(
      exchange(request(user("hi") + "," + assistant(said) + "," + user("on")), answer("")).upstream,
      Not(HasSubstr(kKey)));
}

TEST_F(ConversationTest, TheAnswerThatTheClientGoesOnFromIsFound) {
  const Sent one = exchange(request(user("hello")), answer(text("a " + std::string(kKey))));
  const Sent two = exchange(request(user("hello")), answer(text("b " + std::string(kOther))));
  for (const Sent* kept : {&one, &two}) {
    const Sent next = exchange(
        request(user("hello") + "," + assistant(content_of(kept->client)) + "," + user("on")),
        answer(""));
    EXPECT_THAT(next.upstream, HasSubstr(kept == &one ? kKey : kOther));
  }
}

TEST_F(ConversationTest, IsForgottenWhenItWasIdleForLong) {
  const Sent first = exchange(request(user("hello")), answer(text(std::string(kKey))));
  const std::string goes_on =
      request(user("hello") + "," + assistant(content_of(first.client)) + "," + user("on"));
  now_.mono = now_.mono + limits::kConversationIdle + std::chrono::seconds(1);
  (void)exchange(request(user("another")), answer(""));
  EXPECT_EQ(exchange(goes_on, answer("")).upstream, goes_on);
}

TEST(ConversationMemory, IsBoundedAndTheUserWhoHasMostPays) {
  ConversationMemory memory(crypto::sha256("key"), 20000);
  const auto turn = [](int n) { return crypto::sha256(std::to_string(n)); };
  (void)memory.sent(1, turn(0), {}, {});
  for (int n = 1; n < 1000; ++n) {
    const auto answer = memory.sent(2, turn(n), {}, {});
    memory.masked(*answer, {{"[MASKED:a:0000]", std::string(100, 'x'), false}});
    ASSERT_LE(memory.counts().bytes, 20000U);
  }
  EXPECT_TRUE(memory.find(turn(0), {}));
  EXPECT_FALSE(memory.find(turn(1), {}));
  EXPECT_TRUE(memory.find(turn(999), {}));
}

// "text@at original, "
std::string originals(ConversationMemory& memory, const crypto::Digest& at,
                      const std::vector<std::string>& texts) {
  std::string all;
  for (const ConversationMemory::Place& place : memory.originals(at, texts))
    all += std::to_string(place.text) + "@" + std::to_string(place.at) + " " + place.original +
           (place.number ? " number, " : ", ");
  return all;
}

TEST(ConversationMemory, MasksThatReadAlikeGoByTheirOrder) {
  ConversationMemory memory(crypto::sha256("key"));
  const auto at = crypto::sha256("turn");
  const auto answer = memory.sent(1, at, {}, {});
  memory.masked(*answer, {{"[MASKED:k:0]", "one", false}, {"[MASKED:k:0]", " more", true}});
  memory.masked(*answer, {{"[MASKED:j:0]", "j", false}, {"[MASKED:k:0]", "two", false}});
  EXPECT_TRUE(memory.has_masks(at));
  EXPECT_EQ(originals(memory, at, {"a [MASKED:k:0]", "[MASKED:j:0][MASKED:k:0]"}),
            "0@2 one more, 1@0 j, 1@12 two, ");
  EXPECT_EQ(originals(memory, at, {"[MASKED:k:0] [MASKED:x:0]"}), "0@0 one more, ");
  EXPECT_EQ(originals(memory, crypto::sha256("other"), {"[MASKED:k:0]"}), "");
}

TEST(ConversationMemory, MasksWithoutANameGoByTheirPlace) {
  ConversationMemory memory(crypto::sha256("key"));
  const auto at = crypto::sha256("turn");
  const auto answer = memory.sent(1, at, {}, {});
  memory.masked(*answer, {{"***", "one", false, 4}, {"***", "two", false, 10}});
  memory.masked(*answer, {{"bGF0", "late", false, masking::Original::kAtEnd}});
  memory.masked(*answer, {{"***", "12345678", false, 0, true}});
  EXPECT_EQ(originals(memory, at, {"*** stars", "xxx ***xxx***", "YQ==bGF0", "***", "***"}),
            "1@4 one, 1@10 two, 2@4 late, 3@0 12345678 number, ");
  // What a client has trimmed cannot be told from what anybody may say.
  EXPECT_EQ(originals(memory, at, {"xx ***xxx***", "YQ==bGF0"}), "1@4 late, ");
}

}  // namespace
}  // namespace veilwire::flow
