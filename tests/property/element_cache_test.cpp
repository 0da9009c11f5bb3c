// A request that is edited with what is known of its elements gives what it gives without: bytes,
// masks, blocks and faults, for conversations that grow, documents that are broken anywhere, and
// every cut. The oracle is the editor without a cache.
#include "userspace/flow/element_cache.h"

#include "tests/support/made_up_rules.h"
#include "userspace/flow/body_editor.h"
#include "userspace/flow/conversation.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <ostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

struct Result {
  std::string bytes, blocked, malformed, rest;
  std::vector<std::string> masks;
  bool operator==(const Result&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Result& result) {
  out << result.bytes << "\n  blocked '" << result.blocked << "' malformed '" << result.malformed
      << "' rest " << result.rest;
  for (const std::string& mask : result.masks) out << "\n  mask " << mask;
  return out;
}

const std::shared_ptr<const masking::Engine>& engine() {
  static const auto kEngine = testing::made_up_engine();
  return kEngine;
}

// A finding between a begin and an end is masked before its end has come, so its length is known or
// not as the input is cut, with a cache or without.
std::uint64_t length_of(const audit::MaskedSpan& mask) {
  return mask.rule == "block" ? 0 : mask.length;
}

Result edit(std::string_view document, const std::vector<std::size_t>& cuts, ElementCache* cache) {
  EditorContext context;
  context.service = policy::Service::Anthropic;
  context.direction = policy::Direction::Request;
  context.media_type = "application/json";
  ConversationMemory memory(crypto::sha256("a key of the tests"));
  std::optional<Conversation> conversation;
  if (cache != nullptr) {
    const ConversationMemory::Engines engines{engine(), engine()};
    context.conversation = &conversation.emplace(
        document, Conversation::Setting{*cache, memory, 0, "api.anthropic.com", engines, {}});
  }
  const auto editor = make_body_editor(context, engine());
  Released out;
  std::size_t at = 0;
  for (const std::size_t cut : cuts) {
    editor->feed(document.substr(at, cut - at), out);
    at = cut;
  }
  editor->feed(document.substr(at), out);
  if (!out.blocked && !out.malformed) editor->finish(out);
  Result result;
  for (const audit::MaskedSpan& mask : out.masks)
    result.masks.push_back(mask.rule + " " + std::to_string(mask.offset) + " " +
                           std::to_string(length_of(mask)) + " " + mask.digest + " " +
                           std::to_string(mask.released_length));
  if (out.blocked) result.blocked = out.blocked->rule + " " + std::to_string(out.blocked->offset);
  if (out.malformed) result.malformed = *out.malformed;
  result.bytes = std::exchange(out.bytes, {});
  if (out.malformed) {  // what would pass where policy says so
    editor->pass_through(out);
    result.rest = out.bytes;
  }
  return result;
}

class Conversation {
 public:
  explicit Conversation(std::uint32_t seed) : random_(seed) {}

  bool chance(int percent) { return pick(100) < static_cast<std::size_t>(percent); }
  std::size_t pick(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_);
  }

  std::string text() {
    static const std::vector<std::string> kWords = {"sk-Abcdefgh01234567",
                                                    "sk-Abcd",
                                                    "sk-0000000000000000",
                                                    "--BEGIN--",
                                                    "--END--",
                                                    R"(pin = \"12345\")",
                                                    R"(\u0073k-Abcdefgh01234567)",
                                                    R"(\n\t\\)",
                                                    "plain words of no interest",
                                                    "]",
                                                    "}",
                                                    "{",
                                                    "[",
                                                    ",",
                                                    ":",
                                                    "\xC3\xA9",
                                                    R"(\ud83d\ude00)"};
    std::string text;
    for (std::size_t words = pick(12); words > 0; --words)
      text += kWords[pick(kWords.size())] + " ";
    if (chance(1)) text += "bk-Abcdefgh01234567";
    if (chance(5)) text += std::string(5000, 'x');
    return text;
  }
  std::string blank() { return chance(80) ? "" : std::string(1 + pick(3), " \n\t\r"[pick(4)]); }
  std::string member(std::string_view key, const std::string& value) {
    return blank() + '"' + std::string(key) + '"' + blank() + ':' + blank() + value;
  }
  std::string quoted(const std::string& value) { return '"' + value + '"'; }

  std::string block() {
    switch (pick(5)) {
      case 0:
        return "{" + member("type", quoted("tool_use")) + "," + member("id", quoted("toolu_1")) +
               "," + member("input", "{" + member("command", quoted(text())) + "}") + "}";
      case 1:
        return "{" + member("type", quoted("tool_result")) + "," +
               member("content", "[" + block() + "]") + "}";
      case 2:
        return R"({"type":"image","source":{"type":"base64","media_type":"image/png","data":"c2stQWJjZGVmZ2gwMTIzNDU2Nw=="}})";
      case 3:
        return R"({"type":"thinking","thinking":")" + text() + R"(","signature":"c2stQWJj"})";
      default:
        return "{" + member("type", quoted("text")) + "," + member("text", quoted(text())) + "}";
    }
  }
  std::string element() {
    if (chance(5)) return quoted(text());
    if (chance(3)) return chance(50) ? "17" : "[{\"a\":\"" + text() + "\"}]";
    std::string blocks;
    for (std::size_t count = pick(4); count > 0; --count)
      blocks += (blocks.empty() ? "" : ",") + block();
    return "{" + member("role", quoted(chance(50) ? "user" : "assistant")) + "," +
           member("content", chance(30) ? quoted(text()) : "[" + blocks + "]") + blank() + "}";
  }
  void turn() { messages_.push_back(element()); }

  std::string document() {
    std::string messages, tools;
    for (const std::string& message : messages_)
      messages += (messages.empty() ? "" : ",") + blank() + message + blank();
    for (const char* name : {"read", "write"})
      tools +=
          std::string(tools.empty() ? "" : ",") + R"({"name":")" + name +
          R"(","description":"what it does, sk-Abcdefgh01234567, and a long explanation of all that",)"
          R"("input_schema":{"type":"object","properties":{"path":{"type":"string"}}}})";
    std::vector<std::string> members = {
        member("model", quoted("claude")), member("system", "[" + system_ + "]"),
        member("tools", "[" + tools + "]"), member("messages", "[" + messages + "]")};
    if (chance(10)) members.push_back(member("messages", "[" + messages + "]"));
    if (chance(10)) members.push_back(member("metadata", "[" + messages + "]"));
    if (chance(5)) members.push_back(member(R"(\u006dessages)", "[" + messages + "]"));
    std::ranges::shuffle(members, random_);
    std::string document = blank() + "{";
    for (const std::string& one : members) document += (&one == &members[0] ? "" : ",") + one;
    return document + "}" + blank();
  }
  std::string broken(std::string document) {
    for (std::size_t count = 1 + pick(2); count > 0 && !document.empty(); --count) {
      const std::size_t at = pick(document.size());
      switch (pick(4)) {
        case 0:
          document.erase(at, 1 + pick(5));
          break;
        case 1:
          document.insert(at, 1, "\"{}[],:\\x\x01"[pick(10)]);
          break;
        case 2:
          document.resize(at);
          break;
        default:
          document[at] = "\"{}[],:\\x\x01"[pick(10)];
      }
    }
    return document;
  }
  std::vector<std::size_t> cuts(std::size_t size) {
    std::vector<std::size_t> cuts;
    for (std::size_t count = pick(4); count > 0; --count) cuts.push_back(pick(size + 1));
    std::ranges::sort(cuts);
    return cuts;
  }

 private:
  std::mt19937 random_;
  std::string system_ = R"({"type":"text","text":"You are told sk-Abcdefgh01234567 and )" +
                        std::string(200, 'y') + R"("})";
  std::vector<std::string> messages_;
};

TEST(ElementCacheProperty, NobodySeesWhetherAnElementWasKnown) {
  ElementCache cache(crypto::sha256("a key of the tests"));
  // One that holds next to nothing, so that entries come and go.
  ElementCache small(crypto::sha256("a key of the tests"), 4000);
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    Conversation conversation(seed);
    for (int turn = 0; turn < 8; ++turn) {
      conversation.turn();
      const std::string document = conversation.document();
      for (int variant = 0; variant < 4; ++variant) {
        const std::string body = variant < 2 ? document : conversation.broken(document);
        const Result expected = edit(body, {}, nullptr);
        for (ElementCache* with : {&cache, &small}) {
          ASSERT_EQ(edit(body, {}, with), expected) << "seed " << seed << "\n" << body;
          ASSERT_EQ(edit(body, conversation.cuts(body.size()), with), expected)
              << "seed " << seed << "\n"
              << body;
        }
      }
    }
  }
  const auto counts = cache.counts();
  EXPECT_GT(counts.hits, counts.misses);  // else nothing has been shown
  EXPECT_LE(small.counts().bytes, 4000U);
}

TEST(ElementCacheProperty, EveryCutOfAKnownConversationIsTheSame) {
  ElementCache cache(crypto::sha256("a key of the tests"));
  Conversation conversation(7);
  for (int turn = 0; turn < 3; ++turn) conversation.turn();
  const std::string document = conversation.document();
  const Result expected = edit(document, {}, nullptr);
  ASSERT_EQ(edit(document, {}, &cache), expected);
  for (std::size_t cut = 0; cut <= document.size(); ++cut)
    ASSERT_EQ(edit(document, {cut}, &cache), expected) << "cut " << cut;
}

}  // namespace
}  // namespace veilwire::flow
