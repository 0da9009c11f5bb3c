#include "tests/unit/flow/editor_harness.h"
#include "userspace/base/limits.h"
#include "userspace/message/fields.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

using message::Zone;
using nlohmann::ordered_json;

EditorContext json_of(policy::Service service,
                      policy::Direction direction = policy::Direction::Response) {
  return {.service = service,
          .direction = direction,
          .media_type = "application/json",
          .target = "/",
          .request_id = "7",
          .mcp_method = ""};
}
const EditorContext kAnthropic = json_of(policy::Service::Anthropic);
const EditorContext kAnthropicRequest =
    json_of(policy::Service::Anthropic, policy::Direction::Request);
const EditorContext kMcp = json_of(policy::Service::Mcp);
const EditorContext kMcpRequest = json_of(policy::Service::Mcp, policy::Direction::Request);
const EditorContext kGeneric = json_of(policy::Service::Generic);

struct Golden {
  std::string name, body;
  EditorContext context;
  Zone root;
};
std::vector<Golden> goldens() {
  std::vector<Golden> all;
  for (const std::string& name : golden_files("json", ".json")) {
    const bool request = name.find("request") != std::string::npos;
    all.push_back({name, golden(name), request ? kAnthropicRequest : kAnthropic,
                   request ? Zone::AnthropicRequest : Zone::AnthropicResponse});
  }
  for (const std::string& name : golden_files("mcp", ".json")) {
    const bool request = name.find("request") != std::string::npos;
    all.push_back({name, golden(name), request ? kMcpRequest : kMcp,
                   request ? Zone::McpFromClient : Zone::McpFromServer});
  }
  return all;
}

TEST(JsonBody, GoldenDocumentsComeOutAsTheyWentIn) {
  for (const Golden& golden : goldens()) {
    SCOPED_TRACE(golden.name);
    EXPECT_EQ(run(golden.context, golden.body),
              (Outcome{.bytes = golden.body, .masks = {}, .blocked = ""}));
    testing::every_split(
        golden.body, [&](const testing::Pieces& pieces) { return run(golden.context, pieces); });
  }
}

TEST(JsonBody, ANumberIsLookedAtWhereTextMayStand) {
  const std::string before = R"({"a":[1,-2.5e3,770000000000],"b":{"n" : )";
  const std::string body = before + R"(770012345678 ,"m":77001234567}, "id":770012345678})";
  const Outcome out = run(kGeneric, body);
  ASSERT_EQ(out.masks.size(), 3U);
  EXPECT_EQ(out.bytes.find("770012345678 ,"), std::string::npos);
  EXPECT_TRUE(out.bytes.starts_with(R"({"a":[1,-2.5e3,"[MASKED:digits:)")) << out.bytes;
  EXPECT_NE(out.bytes.find(R"(]" ,"m":77001234567}, "id":"[MASKED)"), std::string::npos)
      << out.bytes;
  testing::every_split(body, [&](const testing::Pieces& pieces) { return run(kGeneric, pieces); });
  // One that is the whole body ends with it.
  for (const std::string whole : {"1", "-7", "77001234567"})
    EXPECT_EQ(run(kGeneric, whole).bytes, whole);
  // Where the protocol has its numbers they stay.
  const std::string usage = R"({"type":"message","usage":{"input_tokens":770012345678}})";
  EXPECT_EQ(run(kAnthropic, usage).bytes, usage);
}

TEST(JsonBody, ANumberMayBlock) {
  const std::string body = R"({"a":1,"b":771112345678,"c":2})";
  EXPECT_NE(run(kGeneric, body).blocked, "");
  testing::every_split(body, [&](const testing::Pieces& pieces) { return run(kGeneric, pieces); });
}

TEST(JsonBody, ANumberThatIsNoneGoesOnWithItsDocument) {
  const std::string body = R"({"a":12345678x})";
  for (std::size_t cut = 0; cut <= body.size(); ++cut) {
    const auto one = make_body_editor(kGeneric, engine());
    Released out;
    one->feed(std::string_view(body).substr(0, cut), out);
    one->feed(std::string_view(body).substr(cut), out);
    EXPECT_TRUE(out.malformed);
    one->pass_through(out);
    EXPECT_EQ(out.bytes, body) << cut;
  }
}

// What the document should be when every string in it holds a secret: read with another JSON
// library.
ordered_json expected(const ordered_json& value, message::FieldWalker& walker,
                      bool mask_all_of_it) {
  const auto text = [&](bool is_text) {
    return is_text || mask_all_of_it ? masked(kToken) : std::string(kToken);
  };
  if (value.is_object()) {
    walker.begin_object();
    ordered_json out = ordered_json::object();
    for (const auto& [key, member] : value.items()) {
      const bool key_is_text = walker.key(key);
      ordered_json edited = expected(member, walker, mask_all_of_it);
      // Only keys that are text get a secret of their own, in with_secrets().
      out[key_is_text ? key + " " + text(true) : key] = edited;
    }
    walker.end();
    return out;
  }
  if (value.is_array()) {
    walker.begin_array();
    ordered_json out = ordered_json::array();
    for (const ordered_json& element : value)
      out.push_back(expected(element, walker, mask_all_of_it));
    walker.end();
    return out;
  }
  if (!value.is_string()) return value;
  const Zone leaf = message::leaf(walker.zone());
  const std::string kept = value.get<std::string>();
  walker.string_value(kept);
  // Whether base64 is text is a question of its own, as is what decides it.
  if (leaf == Zone::Base64 || kept == "base64") return value;
  return kept + " " + text(!message::is_kept(leaf));
}
ordered_json with_secrets(const ordered_json& value, message::FieldWalker& walker) {
  if (value.is_object()) {
    walker.begin_object();
    ordered_json out = ordered_json::object();
    for (const auto& [key, member] : value.items()) {
      const bool key_is_text = walker.key(key);
      ordered_json edited = with_secrets(member, walker);
      out[key_is_text ? key + " " + std::string(kToken) : key] = edited;
    }
    walker.end();
    return out;
  }
  if (value.is_array()) {
    walker.begin_array();
    ordered_json out = ordered_json::array();
    for (const ordered_json& element : value) out.push_back(with_secrets(element, walker));
    walker.end();
    return out;
  }
  if (!value.is_string()) return value;
  const Zone leaf = message::leaf(walker.zone());
  const std::string kept = value.get<std::string>();
  walker.string_value(kept);
  if (leaf == Zone::Base64 || kept == "base64") return value;
  return kept + " " + std::string(kToken);
}

TEST(JsonBody, MasksASecretInEveryStringThatIsTextAndInNoOther) {
  for (const Golden& golden : goldens()) {
    SCOPED_TRACE(golden.name);
    if (golden.name == "json/odd.json")
      continue;  // repeated members, which the other library merges
    const ordered_json document = ordered_json::parse(golden.body);
    message::FieldWalker for_input(golden.root), for_output(golden.root);
    const std::string input = with_secrets(document, for_input).dump();
    const Outcome outcome = run(golden.context, input);
    EXPECT_EQ(ordered_json::parse(outcome.bytes, nullptr, false),
              expected(document, for_output, false));
    EXPECT_EQ(without_masks(outcome).find("MASKED"), std::string::npos);
  }
}

TEST(JsonBody, OverEverySplitASecretIsMaskedTheSame) {
  const std::string body =
      R"({"result":{"content":[{"text":"a sk-Abcdefgh01234567 \u0073k-Abcdefgh0123456\u0037 pin = \"12\/4\" b"}],)"
      R"("sk-Abcdefgh01234567":1,"structuredContent":{"k sk-Abcdefgh01234567":["sk-Abcdefgh01234567"]}},"id":"sk-Abcdefgh01234567"})";
  const std::string mask = masked(kToken);
  const Outcome whole = run(kMcp, body);
  EXPECT_EQ(whole.bytes,
            "{\"result\":{\"content\":[{\"text\":\"a " + mask + " " + mask + " pin = \\\"" +
                masked("pin = \"12/4\"").substr(7, masked("pin = \"12/4\"").size() - 8) +
                "\\\" b\"}],\"" + mask + "\":1,\"structuredContent\":{\"k " + mask + "\":[\"" +
                mask + "\"]}},\"id\":\"sk-Abcdefgh01234567\"}");
  EXPECT_EQ(whole.masks.size(), 6U);
  testing::every_split(body, [](const testing::Pieces& pieces) { return run(kMcp, pieces); });
}

TEST(JsonBody, TextNeverJoinsAcrossStrings) {
  const std::string body = R"({"a":"sk-Abcdefgh","b":"01234567"})";
  EXPECT_EQ(run(kGeneric, body).bytes, body);
}

TEST(JsonBody, ReleasesWhatNoRuleCanClaim) {
  const std::unique_ptr<BodyEditor> editor = make_body_editor(kMcp, engine());
  Released out;
  editor->feed(R"({"result":{"content":[{"text":"hello, wo)", out);
  EXPECT_EQ(out.bytes, R"({"result":{"content":[{"text":"hello, wo)");
  editor->feed("rld sk-Ab", out);
  EXPECT_TRUE(out.bytes.ends_with("rld ")) << out.bytes;
}

TEST(JsonBody, LongKeysAreTextUnlessTheirBeginningIsKnown) {
  const std::string filler(60, 'x');
  const std::string body =
      "{\"" + filler + " " + std::string(kToken) + "\":1,\"id\":\"" + std::string(kToken) + "\"}";
  EXPECT_EQ(run(kAnthropic, body).bytes,
            "{\"" + filler + " " + masked(kToken) + "\":1,\"id\":\"" + std::string(kToken) + "\"}");
  // A known key that is spelled with escapes is known.
  const std::string spelled = "{\"\\u0069d\":\"" + std::string(kToken) + "\"}";
  EXPECT_EQ(run(kAnthropic, spelled).bytes, spelled);
  testing::every_split(body, [](const testing::Pieces& pieces) { return run(kAnthropic, pieces); });
}

TEST(JsonBody, ALongKeyIsTextWhateverItEndsIn) {
  const std::string token(kToken);
  for (const std::size_t filler : {10U, 26U, 40U, 300U}) {
    const std::string key = token + std::string(filler, 'x') + "_at";
    const std::string body = "{\"" + key + "\":\"" + token + "\"}";
    const bool known = key.size() <= message::kLongestKnownKey;
    EXPECT_EQ(run(kAnthropic, body).masks.size(), known ? 0U : 2U) << filler;
    testing::every_split(body,
                         [](const testing::Pieces& pieces) { return run(kAnthropic, pieces); });
  }
}

TEST(JsonBody, RepeatedMembersAreEachMasked) {
  const std::string body =
      R"({"content":"sk-Abcdefgh01234567","content":[{"text":"sk-Abcdefgh01234567","text":"sk-Abcdefgh01234567"}]})";
  const std::string out = run(kAnthropic, body).bytes;
  EXPECT_EQ(out.find(kToken), std::string::npos) << out;
}

TEST(JsonBody, NothingIsAnAnswerToo) {
  EXPECT_EQ(run(kMcp, ""), (Outcome{.bytes = "", .masks = {}, .blocked = ""}));
  EXPECT_EQ(run(kMcp, " \r\n"), (Outcome{.bytes = " \r\n", .masks = {}, .blocked = ""}));
  EXPECT_EQ(run(kGeneric, "\xEF\xBB\xBF{}").bytes, "\xEF\xBB\xBF{}");
}

TEST(JsonBody, SaysWhatIsNotJsonAndPassesItOnWhenTold) {
  const std::string begin = R"({"a":"text sk-Abcdefgh01234567 sk-A)";
  const std::string bad[] = {begin,
                             begin + "\\x\"}",
                             begin + "\n\"}",
                             R"({"a":1}})",
                             R"({"a":1,})",
                             R"({"a":tru})",
                             R"({"a":01})",
                             "<html>",
                             R"({"key sk-)",
                             "[1 2]",
                             "\"\\ud8\"",
                             R"({"a":"x"} {"b":1})",
                             std::string(limits::kJsonDepth + 1, '[')};
  for (const std::string& body : bad) {
    SCOPED_TRACE(body);
    EXPECT_TRUE(run(kGeneric, body).malformed);
    testing::every_split(body, [](const testing::Pieces& pieces) { return run(kGeneric, pieces); });
    std::string expected = body;
    if (const std::size_t at = expected.find(kToken); at != std::string::npos)
      expected.replace(at, kToken.size(), masked(kToken));
    for (std::size_t cut = 0; cut <= body.size(); ++cut) {
      const std::unique_ptr<BodyEditor> editor = make_body_editor(kGeneric, engine());
      Released out;
      editor->feed(body.substr(0, cut), out);
      if (out.malformed) editor->pass_through(out);
      editor->feed(body.substr(cut), out);
      if (out.malformed) editor->pass_through(out);
      editor->finish(out);
      if (out.malformed) editor->pass_through(out);
      ASSERT_EQ(out.bytes, expected) << "cut at " << cut;
    }
  }
}

TEST(JsonBody, BlocksBeforeAByteOfIt) {
  const std::string body =
      R"({"content":[{"type":"text","text":"fine bk-Abcdefgh01234567 more"}],"id":"x"})";
  const Outcome outcome = run(kAnthropic, body);
  EXPECT_TRUE(outcome.blocked.starts_with("refused ")) << outcome.blocked;
  EXPECT_EQ(outcome.bytes, R"({"content":[{"type":"text","text":"fine )");
  testing::every_split(body, [](const testing::Pieces& pieces) { return run(kAnthropic, pieces); });
}

TEST(JsonBody, EndsEarlyAsAnErrorOfTheServiceWhereNothingHasBeenReleased) {
  EXPECT_EQ(cut_short(kAnthropic, "", "no \"x\""),
            R"({"type":"error","error":{"type":"permission_error","message":"no \"x\""}})");
  EXPECT_EQ(cut_short(kMcp, "", "no"),
            R"({"jsonrpc":"2.0","id":7,"error":{"code":-32603,"message":"no"}})");
  EXPECT_EQ(cut_short(kGeneric, "", "no"), R"({"error":{"message":"no"}})");
  EXPECT_EQ(cut_short(kGeneric, " \n", "no"), " \n{\"error\":{\"message\":\"no\"}}");
  EXPECT_EQ(cut_short(kGeneric, "\xEF\xBB", "no"), "\xEF\xBB\xBF{\"error\":{\"message\":\"no\"}}");
}

TEST(JsonBody, EndsEarlyAtEveryPointAsADocument) {
  for (const Golden& golden : goldens()) {
    for (std::size_t size = 1; size <= golden.body.size(); ++size) {
      const std::string out =
          cut_short(golden.context, golden.body.substr(0, size), "Stopped by policy.\n");
      ASSERT_TRUE(nlohmann::json::accept(without_lone_surrogates(out)))
          << golden.name << " at " << size << ": " << out;
    }
  }
}

// Of each kind of string: a text, a value that stays, a token of a login, a blob, a key.
TEST(JsonBody, EndsEarlyInAnEscapeAsADocument) {
  const std::string escape = R"(\"\u00e9)";
  for (const std::string begin : {R"({"a":"x)", R"({"jsonrpc":"2)", R"({"access_token":"x)",
                                  R"({"result":{"contents":[{"blob":"eH)", R"({"a":1,"x)"}) {
    for (const EditorContext& context : {kGeneric, kMcp, kAnthropic}) {
      for (std::size_t size = 0; size <= escape.size(); ++size) {
        const std::string out = cut_short(context, begin + escape.substr(0, size), "Stopped.");
        EXPECT_TRUE(nlohmann::json::accept(out)) << out;
      }
    }
  }
}

TEST(JsonBody, ABlockBeforeAnEscapeThatIsNoneEndsAsADocument) {
  const std::string refused(kRefused);
  for (const std::string& body :
       {"{\"" + refused + "\\ ", "{\"a\":\"" + refused + "\\u12 ", "[\"" + refused + "\\ "}) {
    const auto editor = make_body_editor(kMcp, engine());
    Released out;
    editor->feed(body, out);
    EXPECT_TRUE(out.blocked);
    EXPECT_FALSE(out.malformed);
    editor->end_early("Stopped.", out);
    EXPECT_TRUE(nlohmann::json::accept(out.bytes)) << out.bytes;
  }
}

TEST(JsonBody, AChangedPolicyJudgesWhatIsHeldAndWhatComes) {
  const std::unique_ptr<BodyEditor> editor = make_body_editor(kGeneric, engine());
  Released out;
  editor->feed(R"({"a":"sk-Abcdefgh01234567","b":"sk-Abcd)", out);
  editor->adopt(engine_of("zed", "zz-[0-9]"), out);
  editor->feed(R"(efgh01234567 zz-9","c":"zz-8"})", out);
  editor->finish(out);
  const nlohmann::json parsed = nlohmann::json::parse(out.bytes);
  EXPECT_EQ(parsed["a"], masked(kToken));
  EXPECT_TRUE(parsed["b"].get<std::string>().starts_with("sk-Abcdefgh01234567 [MASKED:zed:"));
  EXPECT_TRUE(parsed["c"].get<std::string>().starts_with("[MASKED:zed:"));
}

TEST(JsonBody, AKeySaysWhatItsValueIs) {
  const auto editor = [](const EditorContext& context) {
    return make_body_editor(context, engine_of("password", "(?:password)\"?: \"([0-9]{4})"));
  };
  const auto edited = [&](const EditorContext& context, std::string_view body) {
    const auto e = editor(context);
    Released out;
    e->feed(body, out);
    e->finish(out);
    return out.bytes;
  };
  EXPECT_NE(edited(kGeneric, R"({"password":"1234"})").find("MASKED"), std::string::npos);
  EXPECT_NE(
      edited(kMcp, R"({"result":{"structuredContent":{"password":["1234"]}}})").find("MASKED"),
      std::string::npos);
  EXPECT_EQ(edited(kGeneric, R"({"password":{"a":1},"x":"1234"})").find("MASKED"),
            std::string::npos);
  EXPECT_EQ(edited(kGeneric, R"([{"password":1},"1234"])").find("MASKED"), std::string::npos);
}

TEST(JsonBody, ANoticeStandsInTheTextThatIsCut) {
  const std::string out =
      cut_short(kAnthropic, R"({"content":[{"type":"text","text":"so far )", "Stopped.");
  EXPECT_EQ(out, R"({"content":[{"type":"text","text":"so far Stopped."}]})");
}

TEST(JsonLines, AreDocumentsOfTheirOwn) {
  EditorContext lines = kAnthropic;
  lines.media_type = "application/x-jsonl";
  for (const std::string& name : golden_files("json", ".jsonl")) {
    const std::string body = golden(name);
    EXPECT_EQ(run(lines, body), (Outcome{.bytes = body, .masks = {}, .blocked = ""}));
    testing::every_split(body, [&](const testing::Pieces& pieces) { return run(lines, pieces); });
  }
  const std::string token(kToken);
  EXPECT_EQ(run(lines, "{\"custom_id\":\"" + token + "\",\"result\":{\"message\":{\"content\":\"" +
                           token + "\"}}}\n\n{\"content\":\"" + token + "\"}")
                .bytes,
            "{\"custom_id\":\"" + token + "\",\"result\":{\"message\":{\"content\":\"" +
                masked(kToken) + "\"}}}\n\n{\"content\":\"" + masked(kToken) + "\"}");
  for (const std::string bad : {"{}\n{\"a\":\n1}", "{} {}\n", "{}\nno\n{}"}) {
    EXPECT_TRUE(run(lines, bad).malformed) << bad;
    testing::every_split(bad, [&](const testing::Pieces& pieces) { return run(lines, pieces); });
  }
}

}  // namespace
}  // namespace veilwire::flow
