// The small parts: RE2 anchored, code points, checks, raw bytes that wait, candidates that merge.
#include "userspace/masking/candidates.h"
#include "userspace/masking/matcher.h"
#include "userspace/masking/raw_queue.h"
#include "userspace/masking/utf8.h"
#include "userspace/masking/validators.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::masking {
namespace {

TEST(Matcher, SeesTheTextAroundButMatchesInside) {
  const auto m = Matcher::compile("\\bab*\\b");
  ASSERT_TRUE(m);
  Span whole, secret;
  EXPECT_FALSE(m->match("xabb", 1, 4, 0, whole, secret));
  ASSERT_TRUE(m->match(" abb c", 1, 6, 0, whole, secret));
  EXPECT_EQ(whole, (Span{1, 4}));
  EXPECT_FALSE(m->match(" abb c", 1, 3, 0, whole, secret))
      << "the b behind the limit is no boundary";
}

TEST(Matcher, AnEndIsTheEndOfTheTextOnly) {
  const auto m = Matcher::compile("ab*$");
  ASSERT_TRUE(m);
  Span whole, secret;
  EXPECT_TRUE(m->match("abb", 0, 3, 0, whole, secret));
  EXPECT_FALSE(m->match("abb", 0, 2, 0, whole, secret));
  const auto begin = Matcher::compile("^ab");
  EXPECT_FALSE(begin->match("xab", 1, 3, 0, whole, secret));
}

TEST(Matcher, TheSecretIsTheCaptureAskedFor) {
  const auto m = Matcher::compile("(x)?k=(?:(a+)|(b+))");
  Span whole, secret;
  ASSERT_TRUE(m->match("k=bb", 0, 4, 0, whole, secret));
  EXPECT_EQ(secret, (Span{2, 4}));
  EXPECT_FALSE(m->match("k=bb", 0, 4, 2, whole, secret)) << "capture 2 takes no part";
  ASSERT_TRUE(m->match("xk=a", 0, 4, 0, whole, secret));
  EXPECT_EQ(secret, (Span{0, 1}));
}

TEST(CodePoints, EndsAreFound) {
  const std::string text = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";
  EXPECT_EQ(code_point_end(text, 1, true), 1U);
  EXPECT_EQ(code_point_end(text, 2, true), 3U);
  EXPECT_EQ(code_point_end(text, 4, true), 6U);
  EXPECT_EQ(code_point_end(text, 5, true), 6U);
  EXPECT_EQ(code_point_end(text, 7, true), 10U);
  EXPECT_EQ(code_point_end(text.substr(0, 5), 5, false), std::nullopt);
  EXPECT_EQ(code_point_end(text.substr(0, 5), 5, true), 5U);
  EXPECT_EQ(code_point_end("\xe2z", 1, false), 1U) << "a broken one ends where it breaks";
  EXPECT_EQ(code_point_end("\x80\x80", 1, false), 1U);
}

TEST(CodePoints, AnUnfinishedEndIsLeftOut) {
  EXPECT_EQ(whole_code_points("a\xc3"), 1U);
  EXPECT_EQ(whole_code_points("a\xe2\x82"), 1U);
  EXPECT_EQ(whole_code_points("a\xf0\x9f\x98"), 1U);
  EXPECT_EQ(whole_code_points("a\xf0\x9f\x98\x80"), 5U);
  EXPECT_EQ(whole_code_points("a\x80\x80\x80\x80"), 5U);
  EXPECT_EQ(whole_code_points("a\xed\xa0\xbd"), 1U) << "the first half of a pair";
  EXPECT_EQ(whole_code_points("a\xed\xa0\xbd\xed\xb8\x80"), 7U);
  EXPECT_EQ(whole_code_points(""), 0U);
}

TEST(Validators, Luhn) {
  const Validator luhn = find_validator("luhn");
  ASSERT_NE(luhn, nullptr);
  EXPECT_TRUE(luhn("4111 1111-1111 1111"));
  EXPECT_FALSE(luhn("4111 1111 1111 1112"));
  EXPECT_FALSE(luhn("0000000000000000"));
  EXPECT_FALSE(luhn(""));
}

TEST(Validators, Jwt) {
  const Validator jwt = find_validator("jwt");
  ASSERT_NE(jwt, nullptr);
  EXPECT_TRUE(jwt("eyJhbGciOiJub25lIn0.e30."));
  EXPECT_FALSE(jwt("eyJ0eXAiOiJKV1QifQ.e30.")) << "no alg";
  EXPECT_FALSE(jwt("not!base64.e30."));
  EXPECT_FALSE(jwt("eyJhbGciOiJub25lIn0"));
  EXPECT_EQ(find_validator("nothing"), nullptr);
}

TEST(Validators, EntropyIsBitsAByte) {
  EXPECT_DOUBLE_EQ(entropy(""), 0);
  EXPECT_DOUBLE_EQ(entropy("aaaa"), 0);
  EXPECT_DOUBLE_EQ(entropy("abab"), 1);
  EXPECT_DOUBLE_EQ(entropy("abcdefgh"), 3);
}

TEST(RawQueue, GivesBackWhatWasDecoded) {
  RawQueue q;
  std::string decoded;
  q.push_json("a\\u00", decoded);
  q.push_json("e9b\\n", decoded);
  EXPECT_EQ(decoded,
            "a\xc3\xa9"
            "b\n");
  EXPECT_EQ(q.pop(1), 1U);
  q.drop(1);
  EXPECT_EQ(q.pop(2), 6U);
  q.drop(6);
  EXPECT_EQ(q.pop(2), 3U);
  EXPECT_EQ(q.raw(), "b\\n");
  q.drop(3);
  EXPECT_TRUE(q.empty());
}

TEST(RawQueue, AnEscapeIsNeverParted) {
  RawQueue q;
  std::string decoded;
  q.push_json("\\u20acx", decoded);
  EXPECT_EQ(q.pop(1), 6U);
  EXPECT_EQ(q.pop(2), 0U);
  EXPECT_EQ(q.pop(1), 1U);
}

TEST(RawQueue, WhatIsNoEscapeStandsForItself) {
  RawQueue q;
  std::string decoded;
  q.push_json("a\\qb", decoded);
  q.push_json("c", decoded);
  EXPECT_EQ(decoded, "a\\qbc");
  EXPECT_EQ(q.pop(5), 5U);
}

// Thousands of starts that stand in the same state are one group: what is asked of them stays
// exact.
TEST(Candidates, MergeWithoutLosingAStart) {
  auto parsed = parse_expression("ab[ab]{3,}c");
  const Expression& tree = *parsed;
  auto automaton = Automaton::build({}, {&tree, 1});
  std::string text;
  std::vector<std::uint64_t> starts;
  for (int i = 0; i < 500; ++i) {
    starts.push_back(text.size());
    text += "ab";
  }
  Candidates live;
  std::vector<Ended> ended;
  live.advance(**automaton, {text, 0}, starts, 10'000, ended);
  EXPECT_TRUE(ended.empty());
  EXPECT_EQ(live.first_start(), 0U);
  EXPECT_EQ(live.first_hold(), 0U);
  const std::string whole = text + "c";
  live.advance(**automaton, {whole, 0}, {}, 10'000, ended);
  EXPECT_TRUE(live.empty());
  ASSERT_EQ(ended.size(), 498U) << "the last two have too few bytes before the c";
  for (std::size_t i = 0; i < ended.size(); ++i) EXPECT_EQ(ended[i].candidate.start, 2 * i);
}

TEST(Candidates, LeaveAtTheGreatestLengthOnce) {
  auto parsed = parse_expression("ab+");
  const Expression& tree = *parsed;
  auto automaton = Automaton::build({}, {&tree, 1});
  Candidates live;
  std::vector<Ended> ended;
  live.advance(**automaton, {"abbb", 0}, {0}, 4, ended);
  EXPECT_TRUE(ended.empty()) << "the byte behind has not come";
  live.advance(**automaton, {"abbbb", 0}, {}, 4, ended);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].at, 4U);
}

// What becomes of a start at 0, read in pieces.
std::string fates(std::string_view pattern, std::vector<std::string> pieces,
                  std::uint64_t max_length = 100) {
  const auto tree = parse_expression(pattern);
  const auto automaton = Automaton::build({}, {&*tree, 1});
  std::string text, out;
  YoungStart start = young_start(**automaton, {text, 0}, 0, 0);
  for (const std::string& piece : pieces) {
    text += piece;
    const Fate fate = read_on(**automaton, {text, 0}, max_length, start);
    out += fate == Fate::Dead ? 'd' : fate == Fate::Young ? 'y' : 'g';
    if (fate != Fate::Young) break;
  }
  return out;
}

TEST(YoungStart, DiesOrGrowsWhereverTheTextIsCut) {
  EXPECT_EQ(fates("ab{3}c", {"a", "bb", "bc"}), "yyg");
  EXPECT_EQ(fates("ab{3}c", {"abbbc"}), "g");
  EXPECT_EQ(fates("ab{3}c", {"a", "bc"}), "yd");
  EXPECT_EQ(fates("ab{3}c", {"x"}), "d");
  EXPECT_EQ(fates("ab\\b", {"ab", "c"}), "yd");
  EXPECT_EQ(fates("ab\\b", {"ab", " "}), "yg");
}

TEST(YoungStart, GrowsWhenItIsLong) {
  EXPECT_EQ(fates("ab{70}c", {"a" + std::string(62, 'b'), "b"}), "yg");
  EXPECT_EQ(fates("ab{1,}c", {"abb", "b"}, 4), "yg") << "the greatest length of the rule";
}

}  // namespace
}  // namespace veilwire::masking
