#include "userspace/masking/known_secret.h"

#include "userspace/masking/encoded_text.h"
#include "userspace/masking/engine.h"
#include "userspace/masking/stream_masker.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace veilwire::masking {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kValue = "sk-ant-of-the-organisation";

std::shared_ptr<const KnownSecret> known(std::string_view value = kValue) {
  return std::make_shared<const KnownSecret>(Secret(std::string(value)));
}

std::shared_ptr<const Engine> engine_of(const std::vector<Rule>& rules, Treatment treatment,
                                        std::string_view value = kValue) {
  RulePack pack;
  pack.rules = rules;
  const auto engine = compile(
      std::span(&pack, 1), [=](const Rule&) { return treatment; }, Secret("key"));
  return knowing(**engine, known(value));
}

Rule rule(std::string id, std::string regex) {
  Rule r;
  r.id = std::move(id);
  r.category = "secret";
  r.regex = std::move(regex);
  return r;
}

std::string mask_of(const Engine& engine) { return mask_all(engine, kValue); }

// The masked text, of pieces.
struct Masked {
  std::string text;
  std::uint64_t most_held = 0;
};
Masked in_pieces(const std::shared_ptr<const Engine>& engine, std::string_view text,
                 std::size_t piece) {
  Masked out;
  StreamMasker masker(engine);
  Edits edits;
  std::size_t at = 0;
  const auto take = [&] {
    for (const Edit& edit : edits.list) {
      out.text += edit.replaced ? edit.replacement : std::string(text.substr(at, edit.consumed));
      at += edit.consumed;
    }
    edits.clear();
  };
  for (std::size_t i = 0; i < text.size(); i += piece) {
    masker.feed(text.substr(i, piece), edits);
    take();
    out.most_held = std::max(out.most_held, masker.held());
  }
  masker.finish(edits);
  take();
  return out;
}

// Each occurrence by itself, overlapping ones too: the slow way.
std::string starred(std::string_view text, std::string_view value) {
  std::string out(text);
  for (std::size_t at = text.find(value); at != text.npos; at = text.find(value, at + 1))
    out.replace(at, value.size(), std::string(value.size(), '*'));
  return out;
}

TEST(KnownSecret, IsMaskedWhereNoRuleLooks) {
  const auto engine = engine_of({}, Treatment::Ignore);
  std::vector<Finding> findings;
  const std::string out =
      mask_all(*engine, "invalid x-api-key: " + std::string(kValue) + ".", &findings);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].rule, kKnownSecretRule);
  EXPECT_EQ(findings[0].category, "secret");
  EXPECT_EQ(findings[0].offset, 19U);
  EXPECT_EQ(out, "invalid x-api-key: [MASKED:organisation-credential:" +
                     findings[0].digest.substr(0, 4) + "].");
}

TEST(KnownSecret, AnEngineWithoutOneIsWhatItWas) {
  const auto engine = engine_of({}, Treatment::Ignore);
  EXPECT_EQ(mask_all(*engine, "sk-ant-of-another"), "sk-ant-of-another");
  EXPECT_EQ(mask_all(*knowing(*engine, nullptr), kValue), kValue);
}

TEST(KnownSecret, OfTheSameTextItIsWhatIsFoundUnlessARuleBlocks) {
  const Rule same = rule("anthropic", "sk-ant-[a-z-]{19}");
  EXPECT_THAT(mask_of(*engine_of({same}, Treatment::Mask)),
              HasSubstr("[MASKED:organisation-credential:"));
  const auto blocks = find_all(*engine_of({same}, Treatment::Block), kValue);
  ASSERT_FALSE(blocks.empty());
  EXPECT_EQ(blocks[0].rule, "anthropic");
}

TEST(KnownSecret, WhatARuleMasksOfItLeavesNothing) {
  const auto begin = engine_of({rule("a", "key: sk-ant-of")}, Treatment::Mask);
  EXPECT_THAT(mask_all(*begin, "key: " + std::string(kValue)), Not(HasSubstr("organisation\"")));
  EXPECT_THAT(mask_all(*begin, "key: " + std::string(kValue)), Not(HasSubstr("-the-")));
  const auto end = engine_of({rule("a", "isation = [0-9]{4}")}, Treatment::Mask);
  EXPECT_EQ(mask_all(*end, std::string(kValue) + " = 1234").find("1234"), std::string::npos);
}

// However a text is cut, and with no more held than it begins with.
TEST(KnownSecret, EveryTextOfASmallAlphabetIsMaskedAsAWhole) {
  for (const std::string_view value : {"aab", "abab", "aaa", "ba"}) {
    const auto engine = engine_of({}, Treatment::Ignore, value);
    for (unsigned bits = 0; bits < 1U << 9U; ++bits) {
      std::string text;
      for (unsigned i = 0; i < 9; ++i) text += (bits >> i & 1U) != 0 ? 'a' : 'b';
      const std::string whole = mask_all(*engine, text);
      for (std::size_t piece = 1; piece < 4; ++piece) {
        const Masked masked = in_pieces(engine, text, piece);
        ASSERT_EQ(masked.text, whole) << value << " in " << text << " by " << piece;
        ASSERT_LT(masked.most_held, value.size());
        std::string erased;
        const auto secret = known(value);
        SecretEraser stars(*secret);
        for (std::size_t at = 0; at < text.size(); at += piece)
          erased += stars.feed(std::string_view(text).substr(at, piece));
        ASSERT_EQ(erased + stars.finish(), starred(text, value));
      }
    }
  }
}

TEST(KnownSecret, EscapesAndBase64HideItNot) {
  const auto engine = engine_of({}, Treatment::Ignore);
  const auto masked = [&](Encoding encoding, std::string_view raw) {
    EncodedTextMasker masker(engine, encoding);
    EncodedOutput out;
    for (const char c : raw) masker.feed(std::string_view(&c, 1), out);
    masker.finish(out);
    return out.raw;
  };
  const std::string mask = mask_of(*engine);
  EXPECT_EQ(masked(Encoding::JsonString, R"(a\/sk-\u0061nt-of-the-organisation\n)"),
            "a\\/" + mask + "\\n");
  EXPECT_EQ(masked(Encoding::JsonInJsonString, R"({\"k\":\"sk-\\u0061nt-of-the-organisation\"})"),
            R"({\"k\":\")" + mask + R"(\"})");
  // {"x-api-key":"sk-ant-of-the-organisation"}
  const std::string_view kBase64 = "eyJ4LWFwaS1rZXkiOiJzay1hbnQtb2YtdGhlLW9yZ2FuaXNhdGlvbiJ9";
  EXPECT_THAT(masked(Encoding::Plain, "\"" + std::string(kBase64) + "\""),
              Not(HasSubstr("c2stYW50LW9mLXRoZS1vcmdhbmlzYXRpb24")));
  EXPECT_NE(masked(Encoding::Plain, "\"" + std::string(kBase64) + "\""),
            "\"" + std::string(kBase64) + "\"");
}

TEST(KnownSecret, ALaterEngineThatKnowsItGoesOn) {
  const auto first = engine_of({}, Treatment::Ignore);
  StreamMasker masker(first);
  Edits edits;
  masker.feed("key sk-ant-of-", edits);
  masker.adopt(engine_of({rule("a", "zzz")}, Treatment::Mask), edits);
  masker.feed("the-organisation!", edits);
  masker.finish(edits);
  ASSERT_EQ(edits.findings.size(), 1U);
  EXPECT_EQ(edits.findings[0].offset, 4U);
  EXPECT_EQ(edits.findings[0].length, kValue.size());
}

TEST(KnownSecret, NoRuleHasItsName) {
  RulePack pack;
  pack.rules = {rule(std::string(kKnownSecretRule), "abc")};
  const auto engine = compile(
      std::span(&pack, 1), [](const Rule&) { return Treatment::Mask; }, Secret("key"));
  ASSERT_FALSE(engine);
  EXPECT_EQ(engine.error().rule, kKnownSecretRule);
}

}  // namespace
}  // namespace veilwire::masking
