// Text in its encodings: what is outside a finding keeps its bytes, what is masked fits its layer,
// at every split.
#include "userspace/masking/encoded_text.h"

#include "tests/support/every_split.h"
#include "userspace/masking/rule_pack.h"
#include "userspace/wire/json_scanner.h"

#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::masking {
namespace {

using testing::every_split;
using testing::Pieces;

constexpr std::string_view kRules = R"toml(
[[rules]]
id = "token"
regex = '''tok_[a-z0-9"\\/]{4,12}'''
[[rules]]
id = "named"
regex = '''password['"]{0,2}: ?["']?([a-z0-9]{6,10})(?:["']|$)'''
[[rules]]
id = "stop"
regex = '''forbidden'''
[[rules]]
id = "odd"
regex = '''odd[0-9]{3}'''
replacement = 'a "quote" \ and <é>'
[[rules]]
id = "stop-digits"
regex = '''7711[0-9]{8}'''
[[rules]]
id = "digits"
regex = '''7700[0-9]{8}'''
[[rules]]
id = "pin"
regex = '''"pin": ?([0-9]{8})'''
[[rules]]
id = "key"
begin = '''BEGIN KEY'''
end = '''END KEY'''
)toml";

std::shared_ptr<const Engine> engine(Treatment stop = Treatment::Mask) {
  auto pack = parse_rule_pack(kRules, "test");
  if (!pack) throw std::runtime_error(pack.error().message);
  auto compiled = compile(
      {&*pack, 1}, [&](const Rule& r) { return r.id.starts_with("stop") ? stop : Treatment::Mask; },
      Secret(std::string("key")));
  if (!compiled) throw std::runtime_error(compiled.error().rule + ": " + compiled.error().message);
  return *compiled;
}

struct Result {
  std::string raw;
  std::vector<std::tuple<std::string, std::uint64_t, std::uint64_t, std::uint64_t>> masks;
  bool blocked = false;
  friend bool operator==(const Result&, const Result&) = default;
};

void PrintTo(const Result& r, std::ostream* os) {
  *os << r.raw << " (" << r.masks.size() << " masks, blocked " << r.blocked << ")";
}

Result run(Encoding encoding, const Pieces& pieces, std::string_view context = {},
           Treatment stop = Treatment::Mask) {
  EncodedTextMasker masker(engine(stop), encoding, context);
  EncodedOutput out;
  Result result;
  auto take = [&] {
    for (const EncodedMask& m : out.masks) {
      if (m.finding.open) continue;
      // Where a finding that swallows is reported depends on the cuts.
      const bool region = m.finding.rule == "key";
      const std::uint64_t at = region ? 0 : result.raw.size() + m.offset;
      result.masks.emplace_back(m.finding.rule, at, m.finding.length,
                                region ? 0 : m.replacement_length);
    }
    result.raw += out.raw;
    result.blocked = result.blocked || out.blocked;
    out.clear();
  };
  for (std::string_view piece : pieces) masker.feed(piece, out), take();
  masker.finish(out);
  take();
  EXPECT_FALSE(masker.holding());
  return result;
}

// The digest's digits differ from key to key: kept out of what is compared.
std::string plain(std::string text) {
  for (std::size_t at = 0; (at = text.find("[MASKED:", at)) != std::string::npos; ++at) {
    const std::size_t end = text.find(']', at);
    text.replace(end - 5, 6, "]");
  }
  return text;
}

std::string masked(Encoding encoding, std::string_view raw, std::string_view context = {}) {
  every_split(raw, [&](const Pieces& pieces) { return run(encoding, pieces, context); });
  return plain(run(encoding, {raw}, context).raw);
}

std::string twice_decoded(std::string_view raw) {
  wire::JsonStringDecoder outer;
  std::string document;
  EXPECT_TRUE(outer.feed(raw, document));
  wire::JsonScanner scanner;
  std::vector<wire::JsonEvent> events;
  EXPECT_TRUE(scanner.feed(document, events)) << document;
  EXPECT_TRUE(scanner.finish(events)) << document;
  return document;
}

TEST(EncodedText, PlainTextIsMaskedAsItIs) {
  EXPECT_EQ(masked(Encoding::Plain, R"(a tok_ab12" b\n)"), R"(a [MASKED:token] b\n)");
}

TEST(EncodedText, EscapesOutsideAFindingStayAsTheyCame) {
  EXPECT_EQ(
      masked(Encoding::JsonString, R"(\u0061\/\"gr\u00fc\u00DFe \ud83d\ude00 tok_ab12 \t\u0041)"),
      R"(\u0061\/\"gr\u00fc\u00DFe \ud83d\ude00 [MASKED:token] \t\u0041)");
}

TEST(EncodedText, ASecretIsFoundHoweverItIsEscaped) {
  EXPECT_EQ(masked(Encoding::JsonString, R"(x\u0074\u006f\u006B_\u0061b\/\"12 y)"),
            "x[MASKED:token] y");
}

TEST(EncodedText, AReplacementIsEscapedForItsLayer) {
  EXPECT_EQ(masked(Encoding::Plain, "odd123"), R"(a "quote" \ and <é>)");
  EXPECT_EQ(masked(Encoding::JsonString, "odd123"), R"(a \"quote\" \\ and <é>)");
  const std::string raw = masked(Encoding::JsonInJsonString, R"({\"a\":\"odd123\"})");
  EXPECT_EQ(raw, R"({\"a\":\"a \\\"quote\\\" \\\\ and <é>\"})");
  EXPECT_EQ(twice_decoded(raw), R"({"a":"a \"quote\" \\ and <é>"})");
}

TEST(EncodedText, ADocumentInAStringKeepsItsStructure) {
  const std::string raw = masked(
      Encoding::JsonInJsonString,
      R"({ \"path\" : \"/tmp\\u002fx\",\n\t\"n\":[1.50e3,true,{}], \"text\":\"a\\ntok_ab12\\n\\\"b\\\"\", \"tok_zz99\":null })");
  EXPECT_EQ(
      raw,
      R"({ \"path\" : \"/tmp\\u002fx\",\n\t\"n\":[1.50e3,true,{}], \"text\":\"a\\n[MASKED:token]\\n\\\"b\\\"\", \"[MASKED:token]\":null })");
  twice_decoded(raw);
}

TEST(EncodedText, BothLayersOfEscapesAreSeenThrough) {
  // \u005c is the backslash of the inner escape n.
  EXPECT_EQ(masked(Encoding::JsonInJsonString, R"({\"a\":\"\u005cu0074ok_\\u0061b12\u005cn\"})"),
            R"({\"a\":\"[MASKED:token]\u005cn\"})");
}

TEST(EncodedText, TheKeyIsContextOfItsValue) {
  EXPECT_EQ(masked(Encoding::JsonInJsonString, R"({\"password\":\"abc123\",\"other\":\"abc123\"})"),
            R"({\"password\":\"[MASKED:named]\",\"other\":\"abc123\"})");
  EXPECT_EQ(masked(Encoding::JsonString, "abc123", R"("password": ")"), "[MASKED:named]");
  EXPECT_EQ(masked(Encoding::JsonString, "abc123", R"("other": ")"), "abc123");
}

TEST(EncodedText, ANumberOfADocumentIsATextThatAFindingMakesAString) {
  const std::string raw = masked(
      Encoding::JsonInJsonString,
      R"({ \"a\" : 770012345678, \"n\":[-770012345678.5e3 ,7700, 12345678],\"pin\":12345678 })");
  EXPECT_EQ(
      raw,
      R"({ \"a\" : \"[MASKED:digits]\", \"n\":[\"-[MASKED:digits].5e3\" ,7700, 12345678],\"pin\":\"[MASKED:pin]\" })");
  twice_decoded(raw);
  EXPECT_EQ(masked(Encoding::JsonInJsonString, "770012345678"), R"(\"[MASKED:digits]\")");
}

TEST(EncodedText, ANumberThatIsCutOffOrNoneIsMaskedToo) {
  EXPECT_EQ(masked(Encoding::JsonInJsonString, R"({\"a\":770012345678)"),
            R"({\"a\":\"[MASKED:digits]\")");
  EXPECT_EQ(masked(Encoding::JsonInJsonString, R"({\"a\":770012345678.)"),
            R"({\"a\":\"[MASKED:digits].\")");
  EXPECT_EQ(masked(Encoding::JsonInJsonString, R"({\"a\":770012345678x\"})"),
            R"({\"a\":\"[MASKED:digits]\"x\"})");
}

TEST(EncodedText, ANumberMayBlock) {
  every_split(R"({\"a\":771112345678,\"b\":1})", [](const Pieces& pieces) {
    Result r = run(Encoding::JsonInJsonString, pieces, {}, Treatment::Block);
    EXPECT_TRUE(r.blocked);
    EXPECT_EQ(r.raw, R"({\"a\":)");
    return r;
  });
}

TEST(EncodedText, AnOriginalSaysWhereItsMaskStands) {
  const auto originals = [](Encoding encoding, std::string_view raw) {
    EncodedTextMasker masker(engine(), encoding);
    EncodedOutput out;
    masker.feed(raw, out);
    masker.finish(out);
    std::string all;
    for (const Original& one : out.originals)
      all += plain(one.mask) + "@" + std::to_string(one.at) + " " + one.text +
             (one.number ? " number, " : ", ");
    return all;
  };
  EXPECT_EQ(originals(Encoding::JsonString, R"(\u00e9 odd123 \n odd456)"),
            "a \"quote\" \\ and <\xC3\xA9>@3 odd123, a \"quote\" \\ and <\xC3\xA9>@26 odd456, ");
  EXPECT_EQ(originals(Encoding::JsonInJsonString,
                      R"({\"x\":\"\\ntok_ab12\",\"y\":\"tok_ab12\",\"n\":-770012345678})"),
            "[MASKED:token]@1 tok_ab12, [MASKED:token]@0 tok_ab12, "
            "-[MASKED:digits]@0 -770012345678 number, ");
}

TEST(EncodedText, ATextThatBeginsAnewKnowsNothingOfTheLast) {
  EncodedTextMasker masker(engine(), Encoding::JsonString, "\"password\": \"");
  EncodedOutput out;
  const auto next = [&](std::string_view text, std::string_view context) {
    out.clear();
    masker.feed(text, out);
    masker.finish(out);
    masker.restart(context);
    return out.raw;
  };
  EXPECT_NE(next("abc1234", "").find("MASKED"), std::string::npos);
  EXPECT_EQ(next("abc1234 tok_ab", ""), "abc1234 tok_ab");
  EXPECT_EQ(next("cd BEGIN K", "\"password\": \""), "cd BEGIN K");
  EXPECT_NE(next("abc1234", "").find("MASKED"), std::string::npos);
  EXPECT_EQ(masker.holding(), false);
}

TEST(EncodedText, ContextIsNoPartOfTheOutput) {
  EXPECT_EQ(masked(Encoding::Plain, " and more", "tok_ab12"), " and more");
  EXPECT_EQ(masked(Encoding::Plain, "ab12 and more", "tok_"), "[MASKED:token] and more");
}

TEST(EncodedText, ADocumentThatIsCutOffIsReleasedAsFarAsItCame) {
  EXPECT_EQ(masked(Encoding::JsonInJsonString, R"({\"a\":\"x tok_ab1)"), R"({\"a\":\"x tok_ab1)");
  EXPECT_EQ(masked(Encoding::JsonInJsonString, R"({\"a\":\"x tok_ab12)"),
            R"({\"a\":\"x [MASKED:token])");
  EXPECT_EQ(masked(Encoding::JsonInJsonString, R"({\"a\":\"x\\u00)"), R"({\"a\":\"x\\u00)");
}

TEST(EncodedText, WhatIsNoJsonIsMaskedAsText) {
  EXPECT_EQ(masked(Encoding::JsonInJsonString, R"(no json tok_ab12 \n)"),
            R"(no json [MASKED:token] \n)");
  EXPECT_EQ(masked(Encoding::JsonInJsonString, R"({\"a\":\"x\", b: 'tok_ab12'})"),
            R"({\"a\":\"x\", b: '[MASKED:token]'})");
  EXPECT_EQ(masked(Encoding::JsonInJsonString, R"({\"a\":\"tok_zz11\\q tok_ab12)"),
            R"({\"a\":\"[MASKED:token]\\q [MASKED:token])");
}

TEST(EncodedText, ARegionIsSwallowedAndReportedOnceMoreAtItsEnd) {
  EXPECT_EQ(masked(Encoding::JsonString, R"(a BEGIN KEY\nab\u00e9c\nEND KEY\n)"),
            R"(a [MASKED:key]\n)");
  const Result whole = run(Encoding::JsonString, {R"(a BEGIN KEY\nab)", R"(\u00e9c\nEND KEY\n)"});
  ASSERT_EQ(whole.masks.size(), 1U);
  EXPECT_EQ(std::get<2>(whole.masks[0]), 23U);
}

TEST(EncodedText, NothingBehindABlockedFindingGoesOn) {
  every_split(R"(a\u0020forbidden tok_ab12)", [](const Pieces& pieces) {
    Result r = run(Encoding::JsonString, pieces, {}, Treatment::Block);
    EXPECT_TRUE(r.blocked);
    EXPECT_EQ(r.raw, R"(a\u0020)");
    EXPECT_EQ(r.masks.size(), 1U);
    return r;
  });
}

TEST(EncodedText, WhatBlocksInsideOfWhatIsMaskedBlocks) {
  for (const auto& [encoding, text, raw] :
       {std::tuple(Encoding::JsonString, R"(a BEGIN KEY\n\u0066orbidden\nEND KEY b)",
                   "a [MASKED:key]"),
        std::tuple(Encoding::Plain, R"(a password: "xforbidden" b)",
                   "a password: \"[MASKED:named]"),
        std::tuple(Encoding::JsonInJsonString, R"({\"a\":\"tok_forbidden b\"})",
                   R"({\"a\":\"[MASKED:token])")}) {
    every_split(text, [&](const Pieces& pieces) {
      Result r = run(encoding, pieces, {}, Treatment::Block);
      EXPECT_TRUE(r.blocked);
      EXPECT_EQ(plain(r.raw), raw);
      // A region is reported open or closed, as the cuts have it, and is not compared.
      std::erase_if(r.masks, [](const auto& m) { return std::get<0>(m) == "key"; });
      return r;
    });
  }
}

TEST(EncodedText, WhatBlocksInTheContextAloneIsNotOfThisText) {
  for (const std::string_view context : {"tok_forbidden", "BEGIN KEY forbidden "}) {
    const Result r = run(Encoding::Plain, {"zz more"}, context, Treatment::Block);
    EXPECT_FALSE(r.blocked) << context;
  }
  EXPECT_TRUE(run(Encoding::Plain, {"den"}, "BEGIN KEY forbid", Treatment::Block).blocked);
}

TEST(EncodedText, MasksTellWhereTheyStand) {
  const Result r = run(Encoding::JsonString, {R"(\u0061 tok_a)", R"(b12 b)"});
  ASSERT_EQ(r.masks.size(), 1U);
  const auto& [rule, offset, length, replaced] = r.masks[0];
  EXPECT_EQ(rule, "token");
  EXPECT_EQ(length, 8U);
  EXPECT_EQ(r.raw.substr(offset, replaced).substr(0, 14), "[MASKED:token:");
}

TEST(EncodedText, HalvesOfASurrogatePairGoOnTogether) {
  EncodedTextMasker masker(engine(), Encoding::JsonString);
  EncodedOutput out;
  masker.feed(R"(x\ud83d)", out);
  EXPECT_EQ(out.raw, "x");
  EXPECT_TRUE(masker.holding());
  masker.feed(R"(\ude00)", out);
  EXPECT_EQ(out.raw, R"(x\ud83d\ude00)");
  EXPECT_FALSE(masker.holding());
}

TEST(EncodedText, HeldTextIsJudgedByAnAdoptedEngine) {
  auto pack = parse_rule_pack("[[rules]]\nid = 'other'\nregex = 'ok_a'\n", "other");
  auto other = compile(
      {&*pack, 1}, [](const Rule&) { return Treatment::Mask; }, Secret(std::string("key")));
  EncodedTextMasker masker(engine(), Encoding::JsonString);
  EncodedOutput out;
  masker.feed(R"(x \u0074ok_a)", out);
  EXPECT_EQ(out.raw, "x ");
  masker.adopt(*other, out);
  EXPECT_EQ(plain(out.raw), R"(x \u0074[MASKED:other])");
  masker.feed("b12", out);
  masker.finish(out);
  EXPECT_EQ(plain(out.raw), R"(x \u0074[MASKED:other]b12)");
}

}  // namespace
}  // namespace veilwire::masking
