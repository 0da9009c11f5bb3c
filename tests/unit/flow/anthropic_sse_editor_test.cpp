#include "tests/unit/flow/editor_harness.h"
#include "userspace/base/limits.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

using nlohmann::json;

const EditorContext kStream{.service = policy::Service::Anthropic,
                            .media_type = "text/event-stream",
                            .target = "/v1/messages",
                            .request_id = "",
                            .mcp_method = ""};

std::string event(const std::string& name, const json& data) {
  return "event: " + name + "\ndata: " + data.dump() + "\n\n";
}
std::string ping() { return event("ping", {{"type", "ping"}}); }
std::string start() {
  return event("message_start", {{"type", "message_start"},
                                 {"message", {{"id", "msg_1"}, {"content", json::array()}}}});
}
std::string block_start(int index, const json& block) {
  return event("content_block_start",
               {{"type", "content_block_start"}, {"index", index}, {"content_block", block}});
}
std::string block_stop(int index) {
  return event("content_block_stop", {{"type", "content_block_stop"}, {"index", index}});
}
std::string end(const std::string& reason = "end_turn") {
  return event("message_delta", {{"type", "message_delta"},
                                 {"delta", {{"stop_reason", reason}}},
                                 {"usage", {{"output_tokens", 9}}}}) +
         event("message_stop", {{"type", "message_stop"}});
}

// The three kinds of text that go on from event to event.
struct Kind {
  std::string delta, member, block, kept_as;
};
const Kind kKinds[] = {{"text_delta", "text", "text", "text"},
                       {"thinking_delta", "thinking", "thinking", "thinking"},
                       {"input_json_delta", "partial_json", "tool_use", "partial_json"}};

// raw: the piece's content as it stands in the JSON string.
std::string delta(int index, const Kind& kind, const std::string& raw) {
  std::string data = R"({"type":"content_block_delta","index":)" + std::to_string(index) +
                     R"(,"delta":{"type":")" + kind.delta + R"(",")" + kind.member + "\":\"" + raw +
                     "\"";
  return "event: content_block_delta\ndata: " + data + "}}\n\n";
}

std::string escaped(const std::string& text) {
  const std::string quoted = json(text).dump();
  return quoted.substr(1, quoted.size() - 2);
}

// A whole answer of one block whose text comes in these pieces.
std::string answer(const Kind& kind, const std::vector<std::string>& pieces,
                   const std::string& between = "") {
  std::string stream = start() + block_start(0, {{"type", kind.block}});
  for (const std::string& piece : pieces) stream += delta(0, kind, piece) + between;
  return stream + block_stop(0) + end();
}

std::string text_of(const Outcome& outcome, const Kind& kind, std::size_t block = 0);

// Short and long events are scanned in different ways.
TEST(AnthropicSse, EventsOfEveryLengthAreEditedAlike) {
  for (const std::size_t length : {10U, 3900U, 4000U, 4096U, 4200U, 20000U}) {
    const std::string before(length, 'x');
    const std::string token(kToken);
    const std::string cut = before + token.substr(0, 9);
    for (const Kind& kind : kKinds) {
      if (kind.delta == "input_json_delta") continue;
      const Outcome whole = run(kStream, answer(kind, {before + token + "."}));
      EXPECT_EQ(text_of(whole, kind), before + masked(token) + ".") << length;
      EXPECT_EQ(whole.masks.size(), 1U);
      EXPECT_EQ(text_of(run(kStream, answer(kind, {cut, token.substr(9) + "."})), kind),
                before + masked(token) + ".");
    }
    const std::string broken =
        start() + "event: content_block_delta\ndata: {\"a\":\"" + before + "\" " + token + "}\n\n";
    const Outcome malformed = run(kStream, broken);
    EXPECT_TRUE(malformed.malformed) << length;
    EXPECT_EQ(malformed.bytes.find(token), std::string::npos);
  }
}

std::string text_of(const Outcome& outcome, const Kind& kind, std::size_t block) {
  const Message message = read_message(outcome.bytes);
  EXPECT_EQ(message.wrong, "") << outcome.bytes;
  EXPECT_GT(message.blocks.size(), block);
  return block < message.blocks.size() ? message.blocks[block].text.at(kind.kept_as) : "";
}

TEST(AnthropicSse, GoldenConversationsComeOutAsTheyWentIn) {
  for (const std::string& name : golden_files("anthropic", ".sse")) {
    SCOPED_TRACE(name);
    const std::string body = golden(name);
    testing::every_split(body, [](const testing::Pieces& pieces) { return run(kStream, pieces); });
    if (name.ends_with("_cut.sse")) continue;
    EXPECT_EQ(run(kStream, body), (Outcome{.bytes = body, .masks = {}, .blocked = ""}));
    for (const std::string& other : {with_crlf(body), with_cr(body)}) {
      EXPECT_EQ(run(kStream, other).bytes, other);
      testing::Pieces octets;
      for (std::size_t i = 0; i < other.size(); ++i)
        octets.push_back(std::string_view(other).substr(i, 1));
      EXPECT_EQ(run(kStream, octets).bytes, other);
    }
  }
}

// A piece that ends inside an escape or between the halves of a surrogate pair leaves the beginning
// to the next piece.
TEST(AnthropicSse, GoldenConversationsThatAreCutInCharactersKeepTheirEventsAndText) {
  for (const std::string name : {"anthropic/text_cut.sse", "anthropic/tool_use_cut.sse"}) {
    const std::string body = golden(name);
    const Message before = read_message(body), after = read_message(run(kStream, body).bytes);
    EXPECT_EQ(after.order, before.order);
    ASSERT_EQ(after.blocks.size(), before.blocks.size());
    // Their halves of pairs, which the tests' parser cannot hold, have met in one delta.
    if (name == "anthropic/text_cut.sse") {
      EXPECT_EQ(after.blocks[0].text.at("text"),
                read_message(golden("anthropic/text.sse")).blocks[0].text.at("text"));
    } else {
      EXPECT_EQ(after.blocks[1].text.at("partial_json"), before.blocks[1].text.at("partial_json"));
    }
  }
}

TEST(AnthropicSse, GoldenConversationsObeyTheProtocolThatTheTestsReadThemBy) {
  for (const std::string& name : golden_files("anthropic", ".sse")) {
    const Message message = read_message(golden(name));
    EXPECT_EQ(message.wrong, "") << name;
    EXPECT_TRUE(message.stopped || message.error) << name;
  }
}

TEST(AnthropicSse, MasksASecretThatIsCutAnywhere) {
  const std::string plain = "The key is " + std::string(kToken) + ", \"kept\" secret.";
  for (const Kind& kind : kKinds) {
    const bool input = kind.member == "partial_json";
    const std::string text = input ? json({{"k", plain}, {"n", 1.5}}).dump() : plain;
    for (std::size_t first = 0; first <= text.size(); ++first) {
      const std::size_t second = std::min(first + 4, text.size());
      const Outcome outcome = run(kStream, answer(kind,
                                                  {escaped(text.substr(0, first)),
                                                   escaped(text.substr(first, second - first)),
                                                   escaped(text.substr(second))},
                                                  ping()));
      ASSERT_EQ(outcome.bytes.find(kToken.substr(3)), std::string::npos);
      const std::string out = text_of(outcome, kind);
      if (input) {
        const json parsed = json::parse(out, nullptr, false);
        ASSERT_EQ(parsed["k"], masked(plain)) << out;
        ASSERT_EQ(parsed["n"], 1.5);
      } else {
        ASSERT_EQ(out, masked(plain)) << "cut at " << first << " in " << kind.delta;
      }
      ASSERT_EQ(outcome.masks.size(), 1U);
    }
  }
}

TEST(AnthropicSse, ReleasesOnlyWhatTheMaskedWholeBeginsWith) {
  const std::string text =
      "a " + std::string(kToken) + " b sk-no --BEGIN--\nXYZ\n--END-- c pin = \"1234\" d";
  const Kind& kind = kKinds[0];
  std::vector<std::string> pieces;
  for (const char c : text) pieces.push_back(escaped(std::string(1, c)));
  const std::string stream = answer(kind, pieces);
  const std::string whole = masked(text);
  for (std::size_t size = 0; size <= stream.size(); size += 7) {
    const std::unique_ptr<BodyEditor> editor = make_body_editor(kStream, engine());
    Released out;
    editor->feed(std::string_view(stream).substr(0, size), out);
    Message message = read_message(out.bytes);
    ASSERT_EQ(message.wrong, "");
    const std::string seen = message.blocks.empty() ? "" : message.blocks[0].text["text"];
    ASSERT_TRUE(whole.starts_with(seen)) << seen;
  }
  EXPECT_EQ(text_of(run(kStream, stream), kind), whole);
}

TEST(AnthropicSse, EachEventLeavesInItsPlaceWhenItHasCome) {
  const std::string stream = answer(kKinds[0], {"x sk-Abc", "def", "gh01234567 y", "sk-"}, ping());
  const std::unique_ptr<BodyEditor> editor = make_body_editor(kStream, engine());
  std::string fed, released;
  for (const char c : stream) {
    fed += c;
    Released out;
    editor->feed({&c, 1}, out);
    released += out.bytes;
    ASSERT_GE(read_events(released).size(), read_events(fed).size());
  }
  Released out;
  editor->finish(out);
  EXPECT_EQ(out.bytes, "");
  // The one event that is added carries what was held when the text ended.
  std::vector<std::string> expected = read_message(stream).order;
  expected.insert(std::ranges::find(expected, "content_block_stop"), "content_block_delta");
  EXPECT_EQ(read_message(released).order, expected);
}

TEST(AnthropicSse, OverEverySplitTheSameComesOut) {
  for (const Kind& kind : kKinds) {
    const std::string stream =
        answer(kind, {"{\\\"a\\\": \\\"sk-Abcd", "efgh0123", "4567 sk-A", "\\\"}"}, ping());
    testing::every_split(stream,
                         [](const testing::Pieces& pieces) { return run(kStream, pieces); });
  }
}

TEST(AnthropicSse, MasksSecretsThatAreEscaped) {
  const Kind& text = kKinds[0];
  // s k - and the digits spelled as escapes, cut between escapes and, for the input of a tool,
  // inside them.
  EXPECT_EQ(
      text_of(run(kStream, answer(text, {"\\u0073k\\u002dAbcdefgh", "0123456\\u0037!"})), text),
      masked(kToken) + "!");
  EXPECT_EQ(text_of(run(kStream, answer(text, {"pin = \\\"12", "34\\\"."})), text),
            masked("pin = \"1234\"."));
  const Kind& input = kKinds[2];
  const std::string document =
      R"({"a":"\u0073k-Abcdefgh0123456\u0037","b":"C:\\x \"y\" pin = \"1234\" \ud83d\ude00"})";
  const json expected = {{"a", masked(kToken)},
                         {"b", masked("C:\\x \"y\" pin = \"1234\" \xF0\x9F\x98\x80")}};
  for (std::size_t cut = 0; cut <= document.size(); ++cut) {
    const std::string out = text_of(run(kStream, answer(input, {escaped(document.substr(0, cut)),
                                                                escaped(document.substr(cut))})),
                                    input);
    ASSERT_EQ(json::parse(out, nullptr, false), expected) << out;
  }
}

TEST(AnthropicSse, SurrogatesThatAreSplitBetweenDeltasMeet) {
  const Outcome outcome =
      run(kStream, answer(kKinds[0], {"a\\ud83d", "\\ude00b \\ud83d\\ude00 \\ude00 \\ud83d"}));
  EXPECT_NE(outcome.bytes.find("\"\\ud83d\\ude00b \\ud83d\\ude00 \\ude00 "), std::string::npos)
      << outcome.bytes;
  EXPECT_EQ(text_of(outcome, kKinds[0]),
            "a\xF0\x9F\x98\x80"
            "b \xF0\x9F\x98\x80 \xEF\xBF\xBD \xEF\xBF\xBD");
}

TEST(AnthropicSse, BlocksDoNotShareText) {
  const Kind& kind = kKinds[0];
  const std::string stream = start() + block_start(0, {{"type", "text"}, {"text", ""}}) +
                             block_start(1, {{"type", "text"}, {"text", ""}}) +
                             delta(0, kind, "sk-Abcdefgh") + delta(1, kind, "sk-Abcd") +
                             delta(0, kind, "01234567") + delta(1, kind, " efgh") + block_stop(1) +
                             block_stop(0) + end();
  const Outcome outcome = run(kStream, stream);
  EXPECT_EQ(text_of(outcome, kind, 0), masked(kToken));
  EXPECT_EQ(text_of(outcome, kind, 1), "sk-Abcd efgh");
}

TEST(AnthropicSse, TextThatABlockBeginsWithGoesOnInItsDeltas) {
  const Kind& kind = kKinds[0];
  const std::string stream = start() + block_start(0, {{"type", "text"}, {"text", "sk-Abcd"}}) +
                             delta(0, kind, "efgh01234567.") + block_stop(0) + end();
  EXPECT_EQ(text_of(run(kStream, stream), kind), masked(kToken) + ".");
}

TEST(AnthropicSse, ThinkingIsWholeBeforeItsSignature) {
  const std::string stream =
      start() + block_start(0, {{"type", "thinking"}, {"thinking", ""}, {"signature", ""}}) +
      delta(0, kKinds[1], "so sk-Abc") +
      event(
          "content_block_delta",
          {{"type", "content_block_delta"},
           {"index", 0},
           {"delta", {{"type", "signature_delta"}, {"signature", "EqQB" + std::string(kToken)}}}}) +
      block_stop(0) + end();
  const Outcome outcome = run(kStream, stream);
  const Message message = read_message(outcome.bytes);
  EXPECT_EQ(message.blocks[0].text.at("thinking"), "so sk-Abc");
  EXPECT_EQ(message.blocks[0].signature, "EqQB" + std::string(kToken));
  EXPECT_LT(outcome.bytes.find("sk-Abc\""), outcome.bytes.find("signature_delta"));
}

// A client takes the content of the last delta for the whole: nothing of it may come in another.
TEST(AnthropicSse, CompactionIsJudgedWholeInItsDelta) {
  const auto compaction = [](const json& content) {
    return event("content_block_delta", {{"type", "content_block_delta"},
                                         {"index", 0},
                                         {"delta",
                                          {{"type", "compaction_delta"},
                                           {"content", content},
                                           {"encrypted_content", "opaque sk-Abcdefgh01234567"}}}});
  };
  const auto stream = [&](const json& content) {
    return start() + block_start(0, {{"type", "compaction"}, {"content", nullptr}}) +
           compaction(content) + block_stop(0) + end();
  };
  for (const json& content : {json("all sk-"), json("sk-Abcdefgh"), json(nullptr)})
    EXPECT_EQ(run(kStream, stream(content)).bytes, stream(content));
  EXPECT_EQ(run(kStream, stream("all " + std::string(kToken))).bytes,
            stream("all " + masked(kToken)));
}

TEST(AnthropicSse, MasksWhatComesWhole) {
  const std::string token(kToken), mask = masked(kToken);
  const std::string stream =
      start() +
      block_start(0, {{"type", "web_search_tool_result"},
                      {"tool_use_id", token},
                      {"content",
                       {{{"type", "web_search_result"},
                         {"title", token},
                         {"url", "https://x/?k=" + token},
                         {"encrypted_content", token}}}}}) +
      block_stop(0) +
      block_start(1,
                  {{"type", "code_execution_tool_result"},
                   {"content",
                    {{"type", "code_execution_result"}, {"stdout", token}, {"stderr", token}}}}) +
      block_stop(1) +
      block_start(2, {{"type", "tool_use"},
                      {"id", token},
                      {"name", token},
                      {"input", {{"id", token}, {token, 1}}}}) +
      block_stop(2) +
      block_start(
          3, {{"type", "mcp_tool_result"}, {"content", {{{"type", "text"}, {"text", token}}}}}) +
      block_stop(3) + block_start(4, {{"type", "text"}, {"text", ""}}) +
      event("content_block_delta", {{"type", "content_block_delta"},
                                    {"index", 4},
                                    {"delta",
                                     {{"type", "citations_delta"},
                                      {"citation",
                                       {{"cited_text", token},
                                        {"title", token},
                                        {"url", token},
                                        {"encrypted_index", token}}}}}}) +
      event("something_new", {{"type", "something_new"}, {"deep", {{"field", token}}}}) +
      block_stop(4) + end();
  const Message message = read_message(run(kStream, stream).bytes);
  ASSERT_EQ(message.wrong, "");
  const json& search = message.blocks[0].start["content"][0];
  EXPECT_EQ(search["title"], mask);
  EXPECT_EQ(search["url"], "https://x/?k=" + mask);
  EXPECT_EQ(search["encrypted_content"], token);
  EXPECT_EQ(message.blocks[0].start["tool_use_id"], token);
  EXPECT_EQ(message.blocks[1].start["content"]["stdout"], mask);
  EXPECT_EQ(message.blocks[1].start["content"]["stderr"], mask);
  EXPECT_EQ(message.blocks[2].start["id"], token);
  EXPECT_EQ(message.blocks[2].start["name"], token);
  EXPECT_EQ(message.blocks[2].start["input"], (json{{"id", mask}, {mask, 1}}));
  EXPECT_EQ(message.blocks[3].start["content"][0]["text"], mask);
  EXPECT_EQ(
      message.blocks[4].citations[0],
      (json{{"cited_text", mask}, {"title", mask}, {"url", mask}, {"encrypted_index", token}}));
  EXPECT_EQ(read_events(run(kStream, stream).bytes)[11].data,
            json({{"type", "something_new"}, {"deep", {{"field", mask}}}}).dump());
}

TEST(AnthropicSse, MasksErrors) {
  const std::string body = event(
      "error",
      {{"type", "error"}, {"error", {{"type", "api_error"}, {"message", std::string(kToken)}}}});
  EXPECT_EQ(json::parse(read_events(run(kStream, body).bytes)[0].data)["error"]["message"],
            masked(kToken));
}

TEST(AnthropicSse, MasksDataOnSeveralLinesAndKeepsThem) {
  const std::string body =
      start() + block_start(0, {{"type", "text"}, {"text", ""}}) +
      "event: content_block_delta\n: note\ndata: "
      "{\"type\":\"content_block_delta\",\ndata:\"index\":0,\"delta\":\nid: 9\ndata:  "
      "{\"type\":\"text_delta\",\"text\":\"sk-Abcdefgh01234567 and\"}\ndata: }\n\n" +
      block_stop(0) + end();
  const Outcome outcome = run(kStream, body);
  std::string expected = body;
  expected.replace(expected.find(kToken), kToken.size(), masked(kToken));
  EXPECT_EQ(outcome.bytes, expected);
  EXPECT_EQ(without_masks(outcome), std::string(body).erase(body.find(kToken), kToken.size()));
}

TEST(AnthropicSse, MasksStandWhereTheRecordsSay) {
  for (const Kind& kind : kKinds) {
    for (const bool crlf : {false, true}) {
      const std::string pieces =
          answer(kind, {"a sk-Abcdefgh", "01234567 b ", std::string(kToken)});
      const Outcome outcome = run(kStream, crlf ? with_crlf(pieces) : pieces);
      ASSERT_EQ(outcome.masks.size(), 2U);
      EXPECT_EQ(without_masks(outcome).find("MASKED"), std::string::npos) << without_masks(outcome);
      EXPECT_EQ(read_message(without_masks(outcome)).wrong, "");
    }
  }
}

TEST(AnthropicSse, AddsEventsWithTheLineEndsOfTheStream) {
  const std::string body = with_crlf(answer(kKinds[0], {"end sk-"}));
  const Outcome outcome = run(kStream, body);
  EXPECT_EQ(text_of(outcome, kKinds[0]), "end sk-");
  EXPECT_EQ(outcome.bytes, with_crlf(outcome.bytes));
}

TEST(AnthropicSse, GivesWhatIsHeldBeforeWhateverEndsTheText) {
  const std::string begin = start() + block_start(0, {{"type", "text"}, {"text", ""}}) +
                            delta(0, kKinds[0], "held sk-Abc");
  for (const std::string& rest :
       {event("error",
              {{"type", "error"}, {"error", {{"type", "overloaded_error"}, {"message", "x"}}}}),
        end(), std::string(), std::string("event: ping\n"), std::string(": comment")}) {
    const Outcome outcome = run(kStream, begin + rest);
    EXPECT_EQ(read_message(outcome.bytes).blocks[0].text.at("text"), "held sk-Abc") << rest;
    EXPECT_FALSE(outcome.malformed);
    EXPECT_LT(outcome.bytes.find("sk-Abc"),
              rest.empty() ? std::string::npos : outcome.bytes.rfind(rest.substr(0, 20)));
  }
}

TEST(AnthropicSse, ABlockStopsTheStreamBeforeTheEvent) {
  const std::string stream = answer(kKinds[0], {"fine bk-Abcdefgh", "01234567 more"}, ping());
  const std::string before =
      stream.substr(0, stream.find("event: content_block_delta", stream.find("bk-")));
  testing::every_split(stream, [](const testing::Pieces& pieces) { return run(kStream, pieces); });
  const Outcome outcome = run(kStream, stream);
  EXPECT_TRUE(outcome.blocked.starts_with("refused ")) << outcome.blocked;
  EXPECT_EQ(text_of(outcome, kKinds[0]), "fine ");
  EXPECT_EQ(read_events(outcome.bytes).size(), read_events(before).size());

  const std::unique_ptr<BodyEditor> editor = make_body_editor(kStream, engine());
  Released out;
  editor->feed(stream, out);
  editor->feed(stream, out);
  ASSERT_TRUE(out.blocked);
  editor->end_early("Refused: \"policy\".", out);
  const Message message = read_message(out.bytes);
  EXPECT_EQ(message.wrong, "");
  EXPECT_TRUE(message.stopped);
  ASSERT_EQ(message.blocks.size(), 2U);
  EXPECT_EQ(message.blocks[1].text.at("text"), "Refused: \"policy\".");
  EXPECT_EQ(message.stop_reason, "end_turn");
  EXPECT_EQ(out.bytes.find("bk-"), std::string::npos);
}

TEST(AnthropicSse, ABlockThatIsDecidedWhenTheTextEndsStopsBeforeTheEnd) {
  const std::string stream = answer(kKinds[0], {"bk-Abcdefgh01234567"});
  const Outcome outcome = run(kStream, stream);
  EXPECT_NE(outcome.blocked, "");
  EXPECT_EQ(outcome.bytes.find("bk-"), std::string::npos);
  EXPECT_FALSE(read_message(outcome.bytes).stopped);
}

TEST(AnthropicSse, EndsEarlyAtEveryPointAsAWholeMessage) {
  for (const std::string& name : golden_files("anthropic", ".sse")) {
    const std::string body = golden(name);
    for (std::size_t size = 0; size <= body.size(); ++size) {
      if (size % 3 != 0 && size + 40 < body.size())
        continue;  // every byte of the end, every third before
      const std::string out =
          cut_short(kStream, std::string_view(body).substr(0, size), "Stopped by policy.\n\"x\"");
      const Message message = read_message(out);
      ASSERT_EQ(message.wrong, "") << name << " at " << size;
      if (message.error) continue;
      ASSERT_TRUE(message.stopped) << name << " at " << size;
      const bool complete = read_message(body.substr(0, size)).stopped;
      const bool ending = !read_message(body.substr(0, size)).stop_reason.empty();
      if (complete && !name.ends_with("_cut.sse")) {
        ASSERT_EQ(out, body.substr(0, out.size()));
      }
      if (!ending && !complete) {
        ASSERT_EQ(message.blocks.back().text.at("text"), "Stopped by policy.\n\"x\"");
        ASSERT_EQ(message.stop_reason, "end_turn");
      }
    }
  }
}

TEST(AnthropicSse, AToolWhoseInputIsCutShortCannotRun) {
  const std::string begin =
      start() +
      block_start(
          0,
          {{"type", "tool_use"}, {"id", "toolu_1"}, {"name", "Write"}, {"input", json::object()}});
  const std::string input = R"({"a": "x\"y\\", "b": [1, {"c": null}]})";
  for (std::size_t size = 0; size <= input.size(); ++size) {
    Message message = read_message(
        cut_short(kStream, begin + delta(0, kKinds[2], escaped(input.substr(0, size))), "no"));
    ASSERT_EQ(message.wrong, "");
    ASSERT_TRUE(json::parse(message.blocks[0].text["partial_json"], nullptr, false).is_discarded())
        << size;
  }
}

TEST(AnthropicSse, EndsAForeignStreamWithAnError) {
  const std::string out = cut_short(
      kStream, event("agent.message", {{"type", "agent.message"}, {"id", "sevt_1"}}), "no");
  EXPECT_TRUE(read_message(out).error);
  EXPECT_FALSE(read_message(out).started);
}

TEST(AnthropicSse, PreviewsOfASessionNeverShowASecret) {
  const auto preview = [](const std::string& text) {
    return event("event_delta", {{"type", "event_delta"},
                                 {"event_id", "sevt_1"},
                                 {"delta",
                                  {{"type", "content_delta"},
                                   {"index", 0},
                                   {"content", {{"type", "text"}, {"text", text}}}}}});
  };
  const std::string body =
      preview("a sk-Abcdefgh") + preview("01234567 b sk-") +
      event("agent.message",
            {{"type", "agent.message"},
             {"id", "sevt_1"},
             {"content", {{{"type", "text"}, {"text", "a sk-Abcdefgh01234567 b sk-"}}}}}) +
      preview("x");
  const Outcome outcome = run(kStream, body);
  std::string text;
  const std::vector<Event> events = read_events(outcome.bytes);
  ASSERT_EQ(events.size(), 4U);
  for (const std::size_t i : {0U, 1U})
    text += json::parse(events[i].data)["delta"]["content"]["text"].get<std::string>();
  EXPECT_EQ(text, "a " + masked(kToken) + " b ");
  EXPECT_EQ(json::parse(events[2].data)["content"][0]["text"], "a " + masked(kToken) + " b sk-");
  EXPECT_EQ(json::parse(events[3].data)["delta"]["content"]["text"], "x");
}

// What @anthropic-ai/sdk 1.12 and Claude Code 2.1.330 read otherwise than the letter of the
// protocol says is no way to bring a secret past its rule: "sk-Abcdefgh" and "01234567" are joined
// by them.
TEST(AnthropicSse, AByteOrderMarkBeforeALineIsNoWayAround) {
  const std::string mark = "\xEF\xBB\xBF";
  const std::string begin = start() + block_start(0, {{"type", "text"}, {"text", ""}});
  const std::string secret = delta(0, kKinds[0], std::string(kToken));
  std::string marked = secret;
  marked.insert(marked.find("data"), mark);
  for (const std::string& bad :
       {mark + secret, marked, mark + "\n" + secret, ": comment\n" + mark + secret}) {
    const Outcome outcome = run(kStream, begin + bad);
    EXPECT_TRUE(outcome.malformed);
    EXPECT_TRUE((begin + ": comment\n").starts_with(outcome.bytes)) << outcome.bytes;
    testing::every_split(begin + bad,
                         [](const testing::Pieces& pieces) { return run(kStream, pieces); });
  }
  const std::string whole = answer(kKinds[0], {"x"});
  EXPECT_EQ(run(kStream, mark + whole).bytes, mark + whole);
}

TEST(AnthropicSse, AnEventThatSomeReadersSkipIsNotJoined) {
  const auto named = [](const std::string& name, const std::string& data) {
    return "event: " + name + "\ndata: " + data + "\n\n";
  };
  const std::string begin = start() + block_start(0, {{"type", "text"}, {"text", ""}}) +
                            delta(0, kKinds[0], "sk-Abcdefgh");
  const std::string blank =
      R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" "}})";
  std::string twice = blank;
  twice.insert(twice.size() - 1, R"(,"delta":{})");
  for (const std::string& bad :
       {named("ping", blank), named("other", blank), "data: " + blank + "\n\n",
        "event:\ndata: " + blank + "\n\n", named("content_block_delta", twice),
        std::string("event:\n\n"), named("content_block_delta", "{}"),
        named("other", R"({"type":"error"})")}) {
    const Outcome outcome = run(kStream, begin + bad + delta(0, kKinds[0], "01234567"));
    EXPECT_TRUE(outcome.malformed) << bad;
    EXPECT_EQ(outcome.bytes.find("01234567"), std::string::npos) << bad;
  }
}

TEST(AnthropicSse, TextGoesOnBehindDeltasThatNoReaderJoins) {
  const std::string begin = start() + block_start(0, {{"type", "text"}, {"text", ""}}) +
                            delta(0, kKinds[0], "sk-Abcdefgh");
  for (const std::string foreign :
       {R"({"type":"thinking_delta","thinking":"","text":" "})",
        R"({"type":"citations_delta","text":" "})", R"({"text":" "})",
        R"({"type":"new_delta","text":" "})", R"({"type":1,"text":" "})"}) {
    const std::string between =
        "event: content_block_delta\ndata: "
        R"({"type":"content_block_delta","index":0,"delta":)" +
        foreign + "}\n\n";
    const std::string out =
        run(kStream, begin + between + delta(0, kKinds[0], "01234567") + block_stop(0) + end())
            .bytes;
    EXPECT_EQ(out.find("01234567"), std::string::npos) << foreign;
    EXPECT_NE(out.find(masked(kToken)), std::string::npos) << foreign;
    EXPECT_NE(out.find(between), std::string::npos) << foreign;
  }
}

TEST(AnthropicSse, TextOfANewTypeOfDeltaIsJoinedToo) {
  const auto next = [](const std::string& text) {
    return event("content_block_delta", {{"type", "content_block_delta"},
                                         {"index", 0},
                                         {"delta", {{"type", "new_delta"}, {"text", text}}}});
  };
  const std::string begin = start() + block_start(0, {{"type", "new"}});
  const std::string out = run(kStream, begin + next("sk-Abcdefgh") + next("01234567") +
                                           next("sk-") + block_stop(0) + end())
                              .bytes;
  EXPECT_TRUE(out.starts_with(begin + next("") + next(masked(kToken)) + next(""))) << out;
  EXPECT_TRUE(out.ends_with(
      "event: content_block_delta\ndata: "
      R"({"type":"content_block_delta","index":0,"delta":{"type":"new_delta","text":"sk-"}})"
      "\n\n" +
      block_stop(0) + end()))
      << out;
}

TEST(AnthropicSse, TextStandsInABlockThatIsOpen) {
  const std::string open = block_start(0, {{"type", "text"}, {"text", ""}});
  const std::string text = delta(0, kKinds[0], "01234567");
  const std::string begin = start() + open + delta(0, kKinds[0], "sk-Abcdefgh");
  const std::string usage = end().substr(0, end().find("event: message_stop"));
  const std::string huge = event("content_block_start", {{"type", "content_block_start"},
                                                         {"index", 4294967295U},
                                                         {"content_block", {{"type", "text"}}}});
  for (const std::string& bad :
       {block_stop(0) + text, open + text, block_stop(0) + open + text, usage + text, end() + text,
        start() + text, block_stop(0) + huge + open + text, delta(1, kKinds[0], "01234567")}) {
    const Outcome outcome = run(kStream, begin + bad);
    EXPECT_TRUE(outcome.malformed) << bad;
    EXPECT_EQ(outcome.bytes.find("01234567"), std::string::npos) << bad;
  }
  EXPECT_TRUE(run(kStream, open + text).malformed);
  // The SDK puts this text where the deltas of block 0 go.
  EXPECT_TRUE(run(kStream, start() + block_start(5, {{"type", "text"}, {"text", "sk-Abcdefgh"}}))
                  .malformed);
  const std::string gap = start() + block_start(1, {{"type", "text"}, {"text", ""}}) +
                          delta(1, kKinds[0], "x") + block_stop(1) + end();
  EXPECT_EQ(run(kStream, gap).bytes, gap);
}

TEST(AnthropicSse, ThinkingDoesNotGoOnBehindItsSignature) {
  const std::string signature =
      event("content_block_delta", {{"type", "content_block_delta"},
                                    {"index", 0},
                                    {"delta", {{"type", "signature_delta"}, {"signature", "Eq"}}}});
  const Outcome outcome =
      run(kStream, start() + block_start(0, {{"type", "thinking"}, {"thinking", ""}}) +
                       delta(0, kKinds[1], "sk-Abcdefgh") + signature +
                       delta(0, kKinds[1], "01234567"));
  EXPECT_TRUE(outcome.malformed);
  EXPECT_EQ(outcome.bytes.find("01234567"), std::string::npos);
}

// Readers that look at data alone, in a stream that no SDK reads.
TEST(AnthropicSse, AStreamWhoseEventsHaveNoNamesIsEditedToo) {
  std::string stream = answer(kKinds[0], {"a sk-Abcdefgh", "01234567 sk-"});
  for (std::size_t at = 0; (at = stream.find("event: ", at)) != std::string::npos;)
    stream.erase(at, stream.find('\n', at) + 1 - at);
  const Outcome outcome = run(kStream, stream);
  EXPECT_EQ(text_of(outcome, kKinds[0]), "a " + masked(kToken) + " sk-");
  EXPECT_EQ(outcome.bytes.find("event:"), std::string::npos);
}

TEST(AnthropicSse, MasksLinesThatNoClientReads) {
  const std::string token(kToken), mask = masked(kToken);
  const std::string stream = ": " + token + "\n" + start() + "id: " + token + "\n" +
                             "note: " + token + "\n: " + token + "\nretry: " + token +
                             "\nevent: " + token + "\n" + ping() + "event: " + token + "\n\n" +
                             end() + "event: " + token;
  const Outcome outcome = run(kStream, stream);
  EXPECT_NE(outcome.bytes.find("id: " + token + "\nnote: " + mask), std::string::npos);
  EXPECT_EQ(outcome.bytes.find(token), outcome.bytes.rfind(token));
  EXPECT_EQ(outcome.masks.size(), 7U);
  EXPECT_EQ(without_masks(outcome).find("MASKED"), std::string::npos);
  EXPECT_EQ(read_message(outcome.bytes).wrong, "");
  testing::every_split(stream, [](const testing::Pieces& pieces) { return run(kStream, pieces); });
}

TEST(AnthropicSse, ABlockInALineThatNoClientReadsStopsBeforeItsEvent) {
  const std::string begin = start() + block_start(0, {{"type", "text"}, {"text", ""}});
  const std::string stream = begin + ": " + std::string(kRefused) + "\n" + block_stop(0);
  EXPECT_NE(run(kStream, stream).blocked, "");
  EXPECT_EQ(run(kStream, stream).bytes, begin);
  const Message message = read_message(
      cut_short(kStream, begin + "note: " + std::string(kRefused) + "\n" + block_stop(0), "no"));
  EXPECT_EQ(message.wrong, "");
  EXPECT_TRUE(message.stopped);
}

TEST(AnthropicSse, SaysWhatIsNoStreamOfMessages) {
  const std::string begin =
      start() + block_start(0, {{"type", "text"}, {"text", ""}}) + delta(0, kKinds[0], "held sk-");
  const std::string bad[] = {
      "event: ping\ndata: not JSON\n\n",
      "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0\n\n",
      "data: "
      "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":"
      "\"a\",\"text\":\"b\"}}\n\n",
      "data: {} {}\n\n",
      "event: ping\ndata:\ndata:\n\n",
      "data: " + std::string(1000, '[') + "\n\n",
      "data: {\"type\":\"content_bl",  // the end of the body in the middle of an event
  };
  for (const std::string& event_bytes : bad) {
    const Outcome outcome = run(kStream, begin + event_bytes);
    EXPECT_TRUE(outcome.malformed) << event_bytes;
    EXPECT_TRUE(outcome.bytes.starts_with(start()));
    EXPECT_EQ(read_message(outcome.bytes).blocks[0].text.at("text"), "held sk-");
    testing::every_split(begin + event_bytes,
                         [](const testing::Pieces& pieces) { return run(kStream, pieces); });
  }
}

TEST(AnthropicSse, PassesOnWhatItCannotReadWhenTold) {
  const std::string bad = "event: ping\ndata: not JSON\n\n" + ping() + "data: tail";
  const std::string good = answer(kKinds[0], {"x"});
  for (std::size_t cut = 0; cut <= bad.size(); ++cut) {
    const std::unique_ptr<BodyEditor> editor = make_body_editor(kStream, engine());
    Released out;
    editor->feed(good + bad.substr(0, cut), out);
    if (out.malformed) editor->pass_through(out);
    editor->feed(bad.substr(cut), out);
    if (out.malformed) editor->pass_through(out);
    editor->feed(" more", out);
    editor->finish(out);
    ASSERT_TRUE(out.malformed);
    ASSERT_EQ(out.bytes, good + bad + " more") << cut;
  }
}

// A client drops an event without a blank line behind it; whoever reads the bytes does not.
TEST(AnthropicSse, WhatIsHeldWhereTheStreamEndsInsideOfAnEventIsNotLost) {
  for (const Kind& kind : kKinds) {
    const std::string begin = start() + block_start(0, {{"type", kind.block}}) +
                              block_start(1, {{"type", "text"}, {"text", ""}}) +
                              delta(1, kKinds[0], "other sk-") + delta(0, kind, "held sk-Abcd");
    const std::string before = start() + block_start(0, {{"type", kind.block}}) +
                               block_start(1, {{"type", "text"}, {"text", ""}}) +
                               delta(1, kKinds[0], "other ") + delta(0, kind, "held ");
    const std::string tails[] = {"event: ping\ndata: {\"type\":\"ping\"}\n",
                                 "event: ping\ndata: {\"type\":\"ping\"}", "data:\n", "id: 7\n",
                                 ": comment"};
    for (const std::string& tail : tails) {
      const Outcome outcome = run(kStream, begin + tail);
      // Of blocks in their order.
      EXPECT_EQ(outcome.bytes,
                before + delta(0, kind, "sk-Abcd") + delta(1, kKinds[0], "sk-") + tail);
      testing::every_split(begin + tail,
                           [](const testing::Pieces& pieces) { return run(kStream, pieces); });
    }
    const std::string stop = block_stop(0).substr(0, block_stop(0).size() - 1);
    EXPECT_EQ(run(kStream, begin + stop).bytes,
              before + delta(1, kKinds[0], "sk-") + delta(0, kind, "sk-Abcd") + stop);
    // It goes on with the text: both readers get it, and neither a secret.
    for (const std::string rest : {"efgh", "efgh01234567"}) {
      const std::string last = delta(0, kind, rest);
      const std::string tail = last.substr(0, last.size() - 1);
      const Outcome outcome = run(kStream, begin + tail);
      const std::string text = "sk-Abcd" + rest;
      EXPECT_EQ(outcome.bytes, start() + block_start(0, {{"type", kind.block}}) +
                                   block_start(1, {{"type", "text"}, {"text", ""}}) +
                                   delta(1, kKinds[0], "other ") + delta(0, kind, "held ") +
                                   delta(1, kKinds[0], "sk-") +
                                   delta(0, kind, rest.size() > 4 ? masked(text) : text));
      testing::every_split(begin + tail,
                           [](const testing::Pieces& pieces) { return run(kStream, pieces); });
    }
    // Nothing was held for it: its bytes stay, with what they would have held.
    const std::string last = delta(0, kind, ".. sk-Ab");
    const std::string clean = start() + block_start(0, {{"type", kind.block}}) +
                              delta(0, kind, "x ") + last.substr(0, last.size() - 2);
    EXPECT_EQ(run(kStream, clean).bytes, clean);
  }
}

TEST(AnthropicSse, AChangedPolicyJudgesWhatIsHeldAndWhatComes) {
  const std::string begin = start() + block_start(0, {{"type", "text"}, {"text", ""}}) +
                            delta(0, kKinds[0], "sk-Abcdefgh01234567 sk-Abcd");
  const std::string rest = delta(0, kKinds[0], "efgh01234567 zz-9 z") + delta(0, kKinds[0], "z-8") +
                           block_stop(0) + end();
  for (std::size_t cut = 0; cut <= rest.size(); cut += 11) {
    const std::unique_ptr<BodyEditor> editor = make_body_editor(kStream, engine());
    Released out;
    editor->feed(begin, out);
    editor->adopt(engine_of("zed", "zz-[0-9]"), out);
    editor->feed(rest.substr(0, cut), out);
    editor->adopt(engine_of("zed", "zz-[0-9]"), out);
    editor->feed(rest.substr(cut), out);
    editor->finish(out);
    const Message message = read_message(out.bytes);
    ASSERT_EQ(message.wrong, "");
    const std::string text = message.blocks[0].text.at("text");
    ASSERT_TRUE(text.starts_with(masked(kToken) + " sk-Abcdefgh01234567 [MASKED:zed:")) << text;
    ASSERT_EQ(text.find("zz-"), std::string::npos);
    ASSERT_EQ(out.masks.size(), 3U);
  }
}

TEST(AnthropicSse, AChangedPolicyMayBlockWhatIsHeld) {
  const std::string begin =
      start() + block_start(0, {{"type", "text"}, {"text", ""}}) + delta(0, kKinds[0], "a sk-Abcd");
  const std::unique_ptr<BodyEditor> editor = make_body_editor(kStream, engine());
  Released out;
  editor->feed(begin, out);
  editor->adopt(engine_of("head", "sk-Ab", masking::Treatment::Block), out);
  ASSERT_TRUE(out.blocked);
  editor->end_early("no", out);
  EXPECT_EQ(read_message(out.bytes).wrong, "");
  EXPECT_EQ(read_message(out.bytes).blocks[0].text.at("text"), "a ");
}

TEST(AnthropicSse, PassesOnWhatFollowsWhereItsInputCannotGoOn) {
  const std::unique_ptr<BodyEditor> editor = make_body_editor(kStream, engine());
  Released out;
  editor->feed(start() + block_start(0, {{"type", "text"}, {"text", ""}}) +
                   delta(0, kKinds[0], "a sk-Abcd") + "data: {",
               out);
  editor->pass_through(out);
  editor->feed(" raw", out);
  EXPECT_EQ(read_message(out.bytes).blocks[0].text.at("text"), "a sk-Abcd");
  EXPECT_TRUE(out.bytes.ends_with("data: { raw"));
}

TEST(AnthropicSse, BoundsOpenBlocksAndEvents) {
  std::string blocks = start();
  for (int i = 0; i < 100; ++i) blocks += block_start(i, {{"type", "text"}, {"text", "sk-"}});
  EXPECT_TRUE(run(kStream, blocks).malformed);
  EXPECT_TRUE(run(kStream, "data: \"" + std::string(limits::kSseEvent, 'x')).malformed);
}

std::string completion(const std::string& text, const std::string& stop = "null") {
  return "event: completion\ndata: {\"type\":\"completion\",\"completion\":\"" + text +
         "\",\"stop_reason\":" + stop + ",\"model\":\"claude-2.1\"}\n\n";
}
std::string completed(std::string_view stream) {
  std::string text;
  for (const Event& event : read_events(stream)) {
    if (event.name == "completion")
      text += nlohmann::json::parse(event.data)["completion"].get<std::string>();
  }
  return text;
}

TEST(Completions, TextIsMaskedAcrossEvents) {
  const std::string ping = "event: ping\ndata: {\"type\":\"ping\"}\n\n";
  const std::string text = completion(" the sk-Abc") + ping + completion("defgh0123") +
                           completion("4567 \\u00e9 and sk-A");
  for (const std::string& end :
       {completion("", "\"stop_sequence\""), completion("b.", "\"stop_sequence\""), std::string(),
        std::string("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"x\"}}\n\n")}) {
    const Outcome outcome = run(kStream, text + end);
    EXPECT_EQ(completed(outcome.bytes), masked(completed(text + end)));
    EXPECT_EQ(outcome.masks.size(), 1U);
    testing::every_split(text + end,
                         [](const testing::Pieces& pieces) { return run(kStream, pieces); });
  }
  const std::string fine = completion("a") + completion(" b", "\"max_tokens\"");
  EXPECT_EQ(run(kStream, fine).bytes, fine);
}

TEST(Completions, NothingComesBehindTheEnd) {
  EXPECT_TRUE(run(kStream, completion("sk-", "\"max_tokens\"") + completion("A")).malformed);
  EXPECT_TRUE(run(kStream, "event: other\n" + completion("a").substr(18)).malformed);
}

TEST(Completions, EndEarlyInAnError) {
  const std::string out = cut_short(kStream, completion("a sk-"), "Stopped.");
  EXPECT_EQ(completed(out), "a ");
  EXPECT_EQ(read_events(out).back().name, "error");
  EXPECT_EQ(cut_short(kStream, completion("a", "\"max_tokens\""), "Stopped."),
            completion("a", "\"max_tokens\""));
}

}  // namespace
}  // namespace veilwire::flow
