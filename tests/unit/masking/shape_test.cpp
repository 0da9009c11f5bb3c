#include "userspace/masking/shape.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::masking {
namespace {

Shape shape(std::string_view pattern, std::uint32_t group = 0) {
  auto parsed = parse_expression(pattern);
  EXPECT_TRUE(parsed) << pattern;
  return shape_of(pattern, std::move(*parsed), group);
}

std::vector<std::string> literals(const Shape& s) {
  std::vector<std::string> out;
  for (const Literal& l : s.literals) out.push_back(l.bytes);
  std::sort(out.begin(), out.end());
  return out;
}

using Strings = std::vector<std::string>;

TEST(Shape, LiteralsAreWhatEveryMatchBeginsWith) {
  EXPECT_EQ(literals(shape("AKIA[A-Z2-7]{16}")), Strings{"AKIA"});
  EXPECT_EQ(literals(shape("(?:A3T[A-Z]|AKIA|ASIA)[A-Z]{16}")), (Strings{"A3T", "AKIA", "ASIA"}));
  EXPECT_EQ(literals(shape("gh[pous]_x")), (Strings{"gho_x", "ghp_x", "ghs_x", "ghu_x"}));
  EXPECT_EQ(literals(shape("\\bsk-(?:ant-)?[a-z]+")), Strings{"sk-"});
  EXPECT_EQ(literals(shape("(?:ab){2,3}[0-9]")), Strings{"abab"});
  EXPECT_EQ(literals(shape("colou?r.")), (Strings{"color", "colour"}));
  EXPECT_EQ(literals(shape("[a-z]{3}key")), Strings{});
  EXPECT_EQ(literals(shape("a?")), Strings{});
}

TEST(Shape, AListOfNamesIsKeptWhole) {
  std::string names;
  for (char a = 'a'; a <= 'z'; ++a) {
    for (const char* rest : {"cme", "lpha", "nvil"}) names += std::string("|") + a + rest;
  }
  EXPECT_EQ(literals(shape("(?:" + names.substr(1) + ")_(x)")).size(), 78U);
}

TEST(Shape, FoldedLettersAreKeptInLowerCase) {
  const Shape s = shape("(?i)Key(?-i)A");
  ASSERT_EQ(s.literals.size(), 1U);
  EXPECT_EQ(s.literals[0].bytes, "keyA");
  EXPECT_EQ(s.literals[0].folds, (std::vector<bool>{true, true, true, false}));
}

TEST(Shape, AContextThatMayBeEmptyIsDropped) {
  EXPECT_EQ(shape("(?i)[\\w.-]{0,50}?(?:adafruit)\\s{0,3}=([a-z]{4})").pattern,
            "(?i)(?:adafruit)\\s{0,3}=([a-z]{4})");
  EXPECT_EQ(shape("x?y?key=(ab)").pattern, "key=(ab)");
  EXPECT_EQ(shape("(?:a|b?)key=(ab)").pattern, "key=(ab)");
  // It is the secret itself, or asks where it stands, or counts the captures.
  EXPECT_EQ(shape("x?key").pattern, "x?key");
  EXPECT_EQ(shape("\\bkey=(ab)").pattern, "\\bkey=(ab)");
  EXPECT_EQ(shape("(x)?key=(ab)", 2).pattern, "(x)?key=(ab)");
}

TEST(Shape, TheSecretIsToldFromItsContext) {
  const Shape s = shape("key=(ab)c");
  EXPECT_EQ(s.context.size(), 4U);
  EXPECT_FALSE(s.leads_with_secret);
  EXPECT_TRUE(shape("ab(?:c)d").leads_with_secret);
  EXPECT_TRUE(shape("\"(sk-[a-z]{4})").leads_with_secret);
}

TEST(Shape, AShortContextMayStandBeforeTheLiteral) {
  const Shape s = shape("(?:^|[^a-z])(tok_[a-z]{4})");
  EXPECT_EQ(literals(s), Strings{"tok_"});
  EXPECT_EQ(s.before_min, 0U);
  EXPECT_EQ(s.before_max, 1U);
  EXPECT_EQ(s.skipped, 1U);
  EXPECT_EQ(s.secret_at, 0U);
  EXPECT_EQ(shape("[a-z]{2}=(tok_[a-z]{4})").secret_at, 1U);
  EXPECT_EQ(shape("[a-z]{2}=(?:(tok_)|x(tok_))").secret_at, std::nullopt);
  EXPECT_EQ(literals(shape("[a-z]{3,9}=(tok_[a-z]{4})")), Strings{});
}

TEST(Shape, LengthsAreKnown) {
  EXPECT_EQ(shape("ab{2,4}(?:c|de)").max, 7U);
  EXPECT_EQ(shape("ab{2,4}(?:c|de)").min, 4U);
  EXPECT_EQ(shape("(?:a{1,10}){1,10}").max, 100U);
  EXPECT_EQ(shape("ab+").max, std::nullopt);
  EXPECT_EQ(shape("a(?:b+|c)").max, std::nullopt);
}

}  // namespace
}  // namespace veilwire::masking
