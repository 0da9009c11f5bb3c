// A gitleaks file loads as it is, and its keys mean what they mean there, as far as a stream has
// what they ask for.
#include "userspace/masking/engine.h"
#include "userspace/masking/rule_pack.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::masking {
namespace {

std::shared_ptr<const Engine> load(const std::string& toml) {
  const auto pack = parse_rule_pack(toml, "test");
  if (!pack) {
    ADD_FAILURE() << pack.error().line << ": " << pack.error().message;
    return nullptr;
  }
  const auto engine = compile(
      {&*pack, 1}, [](const Rule&) { return Treatment::Mask; }, Secret(std::string("key")));
  if (!engine) {
    ADD_FAILURE() << engine.error().rule << ": " << engine.error().message;
    return nullptr;
  }
  return *engine;
}

// What one rule with these keys finds.
std::vector<std::string> found(const std::string& keys, const std::string& text) {
  const auto engine = load("[[rules]]\nid = 'r'\n" + keys);
  std::vector<std::string> out;
  if (engine == nullptr) return {"error"};
  for (const Finding& f : find_all(*engine, text)) out.push_back(text.substr(f.offset, f.length));
  return out;
}

using Found = std::vector<std::string>;

TEST(Gitleaks, TheSecretIsTheGroupThatSecretGroupNames) {
  EXPECT_EQ(found("regex = '''id=(\\d{2}) key=(\\w{4})'''\nsecretGroup = 2\n", "id=12 key=abcd"),
            Found{"abcd"});
}

TEST(Gitleaks, WithoutSecretGroupItIsTheFirstGroupThatIsNotEmpty) {
  EXPECT_EQ(found("regex = '''k=(?:(\\d{4})|(\\w{4}))'''\n", "k=abcd"), Found{"abcd"});
  EXPECT_EQ(found("regex = '''k=(-?)(\\w{4})'''\n", "k=abcd"), Found{"abcd"});
  EXPECT_EQ(found("regex = '''k=\\w{4}'''\n", "k=abcd"), Found{"k=abcd"});
}

TEST(Gitleaks, AMatchHoldsOneOfTheKeywordsInAnyCase) {
  const std::string keys = "regex = '''\\w{3}_\\w{4}'''\nkeywords = ['tok_', 'Key_']\n";
  EXPECT_EQ(found(keys, "TOK_aaaa KEY_bbbb abc_cccc"), (Found{"TOK_aaaa", "KEY_bbbb"}));
  EXPECT_EQ(found(keys, "tok_ and abc_cccc"), Found{}) << "in a stream the match must hold it";
}

TEST(Gitleaks, TheEntropyOfTheSecretIsAboveTheBound) {
  // abab has one bit a character, abcd two.
  EXPECT_EQ(found("regex = '''k=(\\w{4})'''\nentropy = 1\n", "k=abab k=abcd"), Found{"abcd"});
  EXPECT_EQ(found("regex = '''k=(\\w{4})'''\nentropy = 0.9\n", "k=abab"), Found{"abab"});
}

TEST(Gitleaks, PathAndTagsDoNotNarrowWhatAStreamHolds) {
  EXPECT_EQ(found("regex = '''k=\\w{4}'''\npath = '''\\.env$'''\ntags = ['a', 'b']\n", "k=abcd"),
            Found{"k=abcd"});
  const auto pack = parse_rule_pack("[[rules]]\nid = 'p'\npath = '''\\.p12$'''\n", "test");
  ASSERT_TRUE(pack);
  EXPECT_TRUE(pack->rules.empty()) << "a rule about file names alone";
}

TEST(Gitleaks, AnAllowlistSeesTheSecretUnlessItAsksForTheMatch) {
  const std::string rule = "regex = '''key=(\\w{4})'''\n[[rules.allowlists]]\n";
  EXPECT_EQ(found(rule + "regexes = ['''^abcd$''']\n", "key=abcd key=abce"), Found{"abce"});
  EXPECT_EQ(found(rule + "regexes = ['''^key''']\n", "key=abcd"), Found{"abcd"});
  EXPECT_EQ(found(rule + "regexTarget = 'secret'\nregexes = ['''^ab''']\n", "key=abcd"), Found{});
  EXPECT_EQ(found(rule + "regexTarget = 'match'\nregexes = ['''^key=abcd$''']\n", "key=abcd"),
            Found{});
  EXPECT_EQ(found(rule + "regexTarget = 'match'\nregexes = ['''^abcd$''']\n", "key=abcd"),
            Found{"abcd"});
}

TEST(Gitleaks, ALineIsNotToBeHadInAStreamSoThatItsListLetsNothingThrough) {
  EXPECT_EQ(found("regex = '''key=(\\w{4})'''\n[[rules.allowlists]]\nregexTarget = 'line'\n"
                  "regexes = ['''abcd''']\n",
                  "key=abcd"),
            Found{"abcd"});
}

TEST(Gitleaks, AStopwordIsFoundAnywhereInTheSecretInAnyCase) {
  const std::string keys =
      "regex = '''key=(\\w{4,12})'''\n[[rules.allowlists]]\nstopwords = ['Test']\n";
  EXPECT_EQ(found(keys, "key=myTESTkey key=myown"), Found{"myown"});
  EXPECT_EQ(found("regex = '''test=(\\w{4})'''\n[[rules.allowlists]]\nstopwords = ['test']\n",
                  "test=abcd"),
            Found{"abcd"})
      << "not in the match";
}

TEST(Gitleaks, OneOfTheListsIsEnoughUnlessTheConditionIsAnd) {
  const std::string keys =
      "regex = '''key=(\\w{4})'''\n[[rules.allowlists]]\nregexes = ['''^ab''']\n"
      "stopwords = ['cd']\n";
  for (const std::string any : {"", "condition = 'OR'\n", "condition = '||'\n"})
    EXPECT_EQ(found(keys + any, "key=abxx key=xxcd key=abcd key=xxxx"), Found{"xxxx"}) << any;
  for (const std::string all : {"condition = 'AND'\n", "condition = '&&'\n"})
    EXPECT_EQ(found(keys + all, "key=abxx key=xxcd key=abcd key=xxxx"),
              (Found{"abxx", "xxcd", "xxxx"}))
        << all;
}

TEST(Gitleaks, OfSeveralAllowlistsEachIsEnough) {
  EXPECT_EQ(found("regex = '''key=(\\w{4})'''\n[[rules.allowlists]]\nregexes = ['''^ab''']\n"
                  "[[rules.allowlists]]\nstopwords = ['cd']\n",
                  "key=abxx key=xxcd key=xxxx"),
            Found{"xxxx"});
  EXPECT_EQ(
      found("regex = '''key=(\\w{4})'''\n[rules.allowlist]\nregexes = ['''^ab''']\n", "key=abxx"),
      Found{})
      << "the older spelling";
}

TEST(Gitleaks, WhatAsksForAPathOrCommitTooLetsNothingThrough) {
  EXPECT_EQ(found("regex = '''key=(\\w{4})'''\n[[rules.allowlists]]\ncondition = 'AND'\n"
                  "paths = ['''test''']\nregexes = ['''^ab''']\n",
                  "key=abxx"),
            Found{"abxx"});
  EXPECT_EQ(found("regex = '''key=(\\w{4})'''\n[[rules.allowlists]]\ncommits = ['abc']\n"
                  "regexes = ['''^ab''']\n",
                  "key=abxx"),
            Found{})
      << "any of them is enough";
}

constexpr char kUnbounded[] = R"toml(
[[rules]]
id = "bounded"
regex = '''tok_[a-z]{4}'''
[[rules]]
id = "unbounded"
regex = '''key_[a-z]+'''
[[rules]]
id = "unicode"
regex = '''\pL{4}'''
)toml";

TEST(Gitleaks, OfAForeignFileTheRulesThatCannotBeCompiledAreReported) {
  for (const std::string mark :
       {"minVersion = 'v8.25.0'\n", "foreign = true\n", "[allowlist]\nregexes = ['false']\n"}) {
    const auto engine = load(mark + kUnbounded);
    ASSERT_TRUE(engine);
    ASSERT_EQ(left_out(*engine).size(), 2U);
    EXPECT_EQ(left_out(*engine)[0].rule, "unbounded");
    EXPECT_NE(left_out(*engine)[0].message.find("give the rule a max_length"), std::string::npos);
    EXPECT_EQ(left_out(*engine)[1].rule, "unicode");
    EXPECT_EQ(find_all(*engine, "tok_abcd key_abcd false").size(), 1U);
  }
}

TEST(Gitleaks, OfAPackOfOurOwnTheyAreAnError) {
  const auto pack = parse_rule_pack(std::string("foreign = false\n") + kUnbounded, "test");
  ASSERT_TRUE(pack);
  const auto engine = compile(
      {&*pack, 1}, [](const Rule&) { return Treatment::Mask; }, Secret(std::string("key")));
  ASSERT_FALSE(engine);
  EXPECT_EQ(engine.error().rule, "unbounded");
}

TEST(Gitleaks, ARuleThatAnEarlierPackHasIsLeftOut) {
  const auto own = parse_rule_pack("[[rules]]\nid = 'jwt'\nregex = 'own_[a-z]{4}'\n", "own");
  const auto foreign = parse_rule_pack(
      "foreign = true\n[[rules]]\nid = 'jwt'\nregex = 'key_[a-z]{4}'\n"
      "[[rules]]\nid = 'other'\nregex = 'tok_[a-z]{4}'\n",
      "foreign");
  const std::vector<RulePack> packs = {*own, *foreign};
  const auto engine = compile(
      packs, [](const Rule&) { return Treatment::Mask; }, Secret(std::string("key")));
  ASSERT_TRUE(engine);
  ASSERT_EQ(left_out(**engine).size(), 1U);
  EXPECT_EQ(left_out(**engine)[0].rule, "jwt");
  EXPECT_EQ(left_out(**engine)[0].message, "stands in two packs");
  EXPECT_EQ(find_all(**engine, "own_abcd key_abcd tok_abcd").size(), 2U);
}

TEST(Gitleaks, BoundariesAreWidenedWhereThePackSaysSo) {
  const std::string rule =
      "[[rules]]\nid = 'r'\nregex = '''\\b(tok_[a-z]{4})(?:[\\x60'\"\\s;]|\\\\[nr]|$)'''\n";
  const std::string text = "tok_abcd. tok_abcd";
  EXPECT_EQ(find_all(*load(rule), text).size(), 1U);
  EXPECT_EQ(find_all(*load("widen_boundaries = false\n" + rule), text).size(), 1U);
  EXPECT_EQ(find_all(*load("widen_boundaries = true\n" + rule), text).size(), 2U);
  const auto wrong = parse_rule_pack("widen_boundaries = 'yes'\n" + rule, "test");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message, "expected true or false");
}

}  // namespace
}  // namespace veilwire::masking
