// What an engine refuses, and what its masks and findings say.
#include "userspace/masking/engine.h"

#include "userspace/masking/stream_masker.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::masking {
namespace {

Rule rule(std::string id, std::string regex) {
  Rule r;
  r.id = std::move(id);
  r.category = "secret";
  r.regex = std::move(regex);
  return r;
}

Result<std::shared_ptr<const Engine>, EngineError> make(std::vector<Rule> rules,
                                                        const TreatmentOf& treatment,
                                                        std::string key = "key") {
  const RulePack pack{"test", std::move(rules)};
  return compile({&pack, 1}, treatment, Secret(std::move(key)));
}

Treatment mask_it(const Rule&) { return Treatment::Mask; }

std::string error_of(Rule r) {
  const auto engine = make({std::move(r)}, mask_it);
  return engine ? "" : engine.error().rule + ": " + engine.error().message;
}

TEST(Engine, ARuleWithoutBoundIsRefusedWithAWayOut) {
  EXPECT_EQ(error_of(rule("r", "ab+")),
            "r: regex: has no greatest length: bound its repetitions ({1,200} for +), give the "
            "rule a max_length, or make it a "
            "begin/end rule");
  Rule bounded = rule("r", "ab+");
  bounded.max_length = 100;
  EXPECT_EQ(error_of(bounded), "");
  bounded.max_length = 100'000;
  EXPECT_NE(error_of(bounded).find("can be 100000 bytes long, and at most 16384 are held"),
            std::string::npos);
}

TEST(Engine, RefusesWhatCannotBeARule) {
  EXPECT_EQ(error_of(rule("r", "a?")), "r: regex: matches the empty text");
  EXPECT_EQ(error_of(rule("r", "a(b")).substr(0, 9), "r: regex:");
  EXPECT_EQ(error_of(rule("r", "(?:a{100}){1000}")).substr(0, 9), "r: regex:");
  Rule group = rule("r", "(a)b");
  group.secret_group = 2;
  EXPECT_EQ(error_of(group), "r: regex: secretGroup names a capture that is not there");
  Rule allow = rule("r", "ab");
  allow.allow = {"("};
  EXPECT_EQ(error_of(allow).substr(0, 12), "r: allow '('");
  Rule region = rule("r", "");
  region.begin = "(a)";
  region.end = "b";
  EXPECT_EQ(error_of(region), "r: begin: has a capture; all of it is masked");
}

TEST(Engine, TheSameIdInTwoPacksIsRefused) {
  const std::vector<RulePack> packs = {{"a", {rule("r", "ab")}}, {"b", {rule("r", "cd")}}};
  const auto engine = compile(packs, mask_it, Secret(std::string("key")));
  ASSERT_FALSE(engine);
  EXPECT_EQ(engine.error().rule, "r");
}

TEST(Engine, AMaskNamesItsRuleAndTellsSecretsApart) {
  const auto engine = make({rule("tok", "tok_[a-z]{4}")}, mask_it);
  ASSERT_TRUE(engine);
  std::vector<Finding> findings;
  const std::string out = mask_all(**engine, "tok_aaaa tok_bbbb tok_aaaa", &findings);
  ASSERT_EQ(findings.size(), 3U);
  EXPECT_EQ(findings[0].digest.size(), 16U);
  EXPECT_EQ(findings[0].digest, findings[2].digest);
  EXPECT_NE(findings[0].digest, findings[1].digest);
  EXPECT_EQ(findings[1].offset, 9U);
  EXPECT_EQ(findings[1].length, 8U);
  const auto text = [&](std::size_t i) {
    return "[MASKED:tok:" + findings[i].digest.substr(0, 4) + "]";
  };
  EXPECT_EQ(out, text(0) + " " + text(1) + " " + text(2));
}

TEST(Engine, AnotherSiteKeyGivesAnotherDigest) {
  const auto digest = [](std::string key) {
    const auto engine = make({rule("tok", "tok_[a-z]{4}")}, mask_it, std::move(key));
    return find_all(**engine, "tok_aaaa").at(0).digest;
  };
  EXPECT_NE(digest("one"), digest("two"));
  EXPECT_EQ(digest("one"), digest("one"));
}

TEST(Engine, AnIgnoredRuleHidesNothing) {
  const auto engine =
      make({rule("wide", "x[a-z_]{4,20}"), rule("tok", "tok_[a-z]{4}")},
           [](const Rule& r) { return r.id == "wide" ? Treatment::Ignore : Treatment::Mask; });
  const auto findings = find_all(**engine, "xtok_aaaa");
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].rule, "tok");
}

TEST(Engine, AFindingSaysHowItIsTreated) {
  const auto engine =
      make({rule("tok", "tok_[a-z]{4}"), rule("bad", "bad_[a-z]{4}")},
           [](const Rule& r) { return r.id == "bad" ? Treatment::Block : Treatment::Mask; });
  const auto findings = find_all(**engine, "tok_aaaa bad_aaaa");
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].treatment, Treatment::Mask);
  EXPECT_EQ(findings[1].treatment, Treatment::Block);
}

TEST(Engine, TheRestOfAnOverlappingFindingIsMaskedToo) {
  const auto engine = make({rule("a", "aaaabb"), rule("b", "bbcccc")}, mask_it);
  std::vector<Finding> findings;
  const std::string out = mask_all(**engine, "xaaaabbccccx", &findings);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[1].offset, 7U);
  EXPECT_EQ(findings[1].length, 4U);
  EXPECT_EQ(out.find("cc"), std::string::npos);
}

TEST(Engine, MasksOfIgnoredRulesAreLeftAlone) {
  const auto engine =
      make({rule("old", "old_[a-z]{4}"), rule("any", "[A-Za-z:-]{6,30}")},
           [](const Rule& r) { return r.id == "old" ? Treatment::Ignore : Treatment::Mask; });
  EXPECT_EQ(mask_all(**engine, "[MASKED:old:12ab]"), "[MASKED:old:12ab]");
  EXPECT_NE(mask_all(**engine, "[MASKED:new:12ab]"), "[MASKED:new:12ab]");
}

TEST(Engine, NoRulesReleaseEverythingAtOnce) {
  const auto engine = make({}, mask_it);
  ASSERT_TRUE(engine);
  StreamMasker masker(*engine);
  Edits edits;
  masker.feed("any text", edits);
  EXPECT_EQ(masker.held(), 0U);
}

TEST(StreamMasker, AContextIsReleasedAtOnce) {
  const auto engine = make({rule("named", "password = ([a-z]{4,8})")}, mask_it);
  StreamMasker masker(*engine);
  Edits edits;
  masker.feed("the password = ", edits);
  EXPECT_EQ(masker.held(), 0U);
  masker.feed("ab", edits);
  EXPECT_EQ(masker.held(), 2U);
  masker.feed("c ", edits);
  EXPECT_EQ(masker.held(), 0U);
}

TEST(StreamMasker, AnAdoptedEngineJudgesWhatIsHeldAndWhatComes) {
  const auto a = make({rule("a", "tok_[a-z]{4}")}, mask_it);
  const auto b = make({rule("b", "ok_ab")}, mask_it);
  StreamMasker masker(*a);
  Edits edits;
  masker.feed("x tok_ab", edits);
  EXPECT_EQ(masker.held(), 6U);
  masker.adopt(*b, edits);
  EXPECT_EQ(masker.held(), 0U);
  ASSERT_EQ(edits.findings.size(), 1U);
  EXPECT_EQ(edits.findings[0].rule, "b");
  masker.feed("cd tok_abcd", edits);
  masker.finish(edits);
  EXPECT_EQ(edits.findings.size(), 2U);
}

TEST(StreamMasker, InsideARegionAnAdoptedEngineWaitsForItsEnd) {
  Rule region = rule("key", "");
  region.begin = "BEGIN";
  region.end = "END";
  const auto a = make({region}, mask_it);
  const auto b = make({rule("b", "tok_[a-z]{4}")}, mask_it);
  StreamMasker masker(*a);
  Edits edits;
  masker.feed("BEGIN tok_aaaa", edits);
  masker.adopt(*b, edits);
  EXPECT_EQ(edits.findings.size(), 1U);
  masker.feed(" EN", edits);
  masker.feed("D tok_bbbb BEGIN x", edits);
  masker.finish(edits);
  ASSERT_EQ(edits.findings.size(), 3U);
  EXPECT_TRUE(edits.findings[1].closes);
  EXPECT_EQ(edits.findings[1].length, 18U);
  EXPECT_EQ(edits.findings[2].rule, "b");
  EXPECT_EQ(edits.findings[2].offset, 19U);
}

// BEGIN to END is masked, and so is tok_; bad_ blocks.
Result<std::shared_ptr<const Engine>, EngineError> with_a_block(bool blocks) {
  Rule region = rule("key", "");
  region.begin = "BEGIN";
  region.end = "END";
  return make({region, rule("tok", "tok_[a-z_]{4,20}"), rule("bad", "bad_[a-z]{2}")},
              [blocks](const Rule& r) {
                return blocks && r.id == "bad" ? Treatment::Block : Treatment::Mask;
              });
}

TEST(StreamMasker, ABlockInsideAnOpenRegionIsToldAtOnce) {
  const auto engine = with_a_block(true);
  StreamMasker masker(*engine);
  Edits edits;
  masker.feed("x BEGIN bad_a", edits);
  EXPECT_EQ(edits.findings.size(), 1U);
  edits.clear();
  masker.feed("b", edits);
  ASSERT_EQ(edits.findings.size(), 1U);
  EXPECT_EQ(edits.findings[0].rule, "bad");
  EXPECT_EQ(edits.findings[0].treatment, Treatment::Block);
  EXPECT_EQ(edits.findings[0].offset, 8U);
  EXPECT_EQ(edits.findings[0].length, 6U);
  const auto edit = std::find_if(edits.list.begin(), edits.list.end(),
                                 [](const Edit& e) { return e.finding == 0; });
  ASSERT_NE(edit, edits.list.end());
  EXPECT_EQ(edit->consumed, 0U);
  EXPECT_TRUE(edit->replaced);
  EXPECT_EQ(edit->replacement, "");
}

TEST(StreamMasker, ABlockInsideALongerMatchIsToldBehindItsMask) {
  const auto engine = with_a_block(true);
  std::vector<Finding> findings;
  const std::string out = mask_all(**engine, "x tok_bad_aaaa y", &findings);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].rule, "tok");
  EXPECT_EQ(findings[1].rule, "bad");
  EXPECT_EQ(findings[1].offset, 6U);
  EXPECT_EQ(out, mask_all(**with_a_block(false), "x tok_bad_aaaa y"));
}

TEST(StreamMasker, AnAdoptedEngineDoesNotBlockForWhatWasReleased) {
  for (const std::string_view text : {"bad_aa x", "tok_bad_aaaa x", "BEGIN bad_aaa END x"}) {
    StreamMasker masker(*with_a_block(false));
    Edits edits;
    masker.feed(text, edits);
    edits.clear();
    masker.adopt(*with_a_block(true), edits);
    masker.feed(" and more", edits);
    masker.finish(edits);
    EXPECT_TRUE(edits.findings.empty()) << text;
  }
}

TEST(StreamMasker, ABlockInsideARegionIsToldThoughANewEngineWaits) {
  StreamMasker masker(*with_a_block(true));
  Edits edits;
  masker.feed("BEGIN ba", edits);
  masker.adopt(*with_a_block(false), edits);
  masker.feed("d_aa END bad_bb", edits);
  masker.finish(edits);
  std::vector<std::string> rules;
  for (const Finding& f : edits.findings) {
    rules.push_back(f.rule + (f.treatment == Treatment::Block ? " blocks" : ""));
  }
  EXPECT_EQ(rules, (std::vector<std::string>{"key", "key", "bad blocks", "bad"}));
}

TEST(StreamMasker, ARestartForgetsTheText) {
  const auto engine = make({rule("a", "tok_[a-z]{4}")}, mask_it);
  StreamMasker masker(*engine);
  Edits edits;
  masker.feed("tok_", edits);
  masker.restart();
  EXPECT_EQ(masker.held(), 0U);
  edits.clear();
  masker.feed("abcd tok_abcd", edits);
  masker.finish(edits);
  ASSERT_EQ(edits.findings.size(), 1U);
  EXPECT_EQ(edits.findings[0].offset, 5U);
}

}  // namespace
}  // namespace veilwire::masking
