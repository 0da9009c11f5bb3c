#include "userspace/masking/expression.h"

#include "userspace/masking/automaton.h"
#include "userspace/masking/matcher.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::masking {
namespace {

std::string error_of(std::string_view pattern) {
  const auto parsed = parse_expression(pattern);
  return parsed ? "" : std::to_string(parsed.error().offset) + ": " + parsed.error().message;
}

ByteSet class_of(std::string_view pattern) {
  const auto parsed = parse_expression(pattern);
  EXPECT_TRUE(parsed) << pattern;
  EXPECT_EQ(parsed->kind, Expression::Kind::Bytes) << pattern;
  return parsed->bytes;
}

// Every class that RE2 accepts means the same bytes here.
TEST(Expression, ClassesMeanWhatTheyMeanToRe2) {
  for (const char* pattern : {"a",
                              ".",
                              "(?s:.)",
                              "(?i:k)",
                              "(?i:[x-z5])",
                              "[^a]",
                              "(?i:[^k])",
                              "\\d",
                              "\\D",
                              "\\s",
                              "\\S",
                              "\\w",
                              "\\W",
                              "(?i:\\W)",
                              "[\\w.-]",
                              "[^\\s\"]",
                              "[[:alpha:]_]",
                              "[[:^digit:]]",
                              "[^[:space:]x]",
                              "[]a]",
                              "[^]a]",
                              "[a-]",
                              "[-a]",
                              "[a\\-z]",
                              "[\\x00-\\x1f]",
                              "\\x41",
                              "\\x{e9}",
                              "\\n",
                              "\\t",
                              "\\.",
                              "\\-",
                              "\\/",
                              "\\\"",
                              "\\C",
                              "[\\n\\]]",
                              "\\Q.\\E",
                              "\\a",
                              "\\v",
                              "\\f",
                              "\\0",
                              "\\012",
                              "[[:word:]]",
                              "[[:punct:]]",
                              "[[:print:]]",
                              "[[:cntrl:]]",
                              "[[:graph:]]",
                              "[[:blank:]]",
                              "[[:ascii:]]",
                              "[[:xdigit:]]",
                              "[[:lower:]]",
                              "[[:upper:]]",
                              "[[:alnum:]]",
                              "{",
                              "a{0}b",
                              "[*+?.(){}|]"}) {
    auto re2 = Matcher::compile(pattern);
    ASSERT_TRUE(re2) << pattern << ": " << re2.error();
    if (std::string_view(pattern) == "a{0}b") continue;
    const ByteSet ours = class_of(pattern);
    for (unsigned b = 0; b < 256; ++b) {
      const std::string text(1, static_cast<char>(b));
      Span whole, secret;
      EXPECT_EQ(ours[b], re2->match(text, 0, 1, 0, whole, secret)) << pattern << " at byte " << b;
    }
  }
}

TEST(Expression, ErrorsNameTheirPlace) {
  EXPECT_EQ(error_of("ab(c"), "2: a ( without its )");
  EXPECT_EQ(error_of("ab)c"), "2: unmatched )");
  EXPECT_EQ(error_of("a[bc"), "1: a [ without its ]");
  EXPECT_EQ(error_of("*a"), "0: a repetition of nothing");
  EXPECT_EQ(error_of("a**"), "2: a repetition of a repetition");
  EXPECT_EQ(error_of("a{2}{3}"), "4: a repetition of a repetition");
  EXPECT_EQ(error_of("a{1001}"),
            "1: a count above 1000: write {n,} and give the rule a max_length");
  EXPECT_EQ(error_of("a{3,2}"), "1: a count whose maximum is below its minimum");
  EXPECT_EQ(error_of("a(?=b)"), "3: an unknown group or flag (look-around is not in RE2's syntax)");
  EXPECT_EQ(error_of("a\\1"), "1: a back-reference or an octal escape beyond a byte");
  EXPECT_EQ(error_of("a\\"), "1: a trailing backslash");
  EXPECT_EQ(error_of("[z-a]"), "1: a range that runs backwards");
  EXPECT_EQ(error_of("[[:nothing:]]"), "1: an unknown [:class:]");
}

TEST(Expression, WhatHasNoMeaningOverBytesIsRefused) {
  EXPECT_NE(error_of("\\pL"), "");
  EXPECT_NE(error_of("[\\p{Greek}]"), "");
  EXPECT_NE(error_of("[äö]"), "");
  EXPECT_NE(error_of("ä+"), "");
  EXPECT_EQ(error_of("(?:ä)+"), "");
  EXPECT_NE(error_of("(?i)ä"), "");
  EXPECT_NE(error_of("\\x{100}"), "");
  EXPECT_EQ(error_of("ä|ö"), "");
}

TEST(Expression, DeepNestingIsRefusedAndNotFollowed) {
  EXPECT_NE(error_of(std::string(100'000, '(')), "");
  EXPECT_NE(error_of(std::string(5'000, '(') + "a" + std::string(5'000, ')')), "");
}

// A grammar of small expressions, so that every operator meets every other.
class Expressions {
 public:
  explicit Expressions(unsigned seed) : random_(seed) {}
  std::string expression(int depth) {
    if (depth == 0) return atom();
    switch (below(8)) {
      case 0:
        return expression(depth - 1) + "|" + expression(depth - 1);
      case 1:
        return "(" + expression(depth - 1) + ")";
      case 2:
        return "(?:" + expression(depth - 1) + ")" + repetition();
      case 3:
        return atom() + repetition() + expression(depth - 1);
      default:
        return expression(depth - 1) + expression(depth - 1);
    }
  }
  std::size_t below(std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
  }

 private:
  std::string atom() {
    static const std::vector<std::string> kAtoms = {
        "a",   "b",   "a", "b", "ab",     "[ab]",   "[^a]", ".",   "(?i:A)",
        "\\b", "\\B", "^", "$", "(?m:^)", "(?m:$)", "\\w",  "\\s", "(?:)"};
    return kAtoms[below(kAtoms.size())];
  }
  std::string repetition() {
    static const std::vector<std::string> kRepetitions = {"?",     "*",    "+",  "{2}", "{1,2}",
                                                          "{0,2}", "{2,}", "??", "*?",  "{0,2}?"};
    return kRepetitions[below(kRepetitions.size())];
  }
  std::mt19937 random_;
};

// The automaton says "dead" only where RE2 finds no match however the text goes on, and misses no
// match of RE2.
TEST(Automaton, AgreesWithRe2OnEveryShortText) {
  Expressions expressions(17);
  const std::string alphabet = "ab \n";
  std::size_t tried = 0;
  for (int round = 0; round < 4000 && tried < 400; ++round) {
    const std::string pattern = expressions.expression(3);
    auto re2 = Matcher::compile(pattern);
    auto parsed = parse_expression(pattern);
    if (!re2 || !parsed) continue;  // such as a repetition of an assertion
    ++tried;
    const Expression& tree = *parsed;
    auto automaton = Automaton::build({}, {&tree, 1});
    ASSERT_TRUE(automaton) << pattern;
    for (std::size_t length = 0; length <= 5; ++length) {
      std::vector<std::size_t> digits(length, 0);
      while (true) {
        std::string text;
        for (std::size_t d : digits) text += alphabet[d];
        const Automaton::State* state = (*automaton)->start(Automaton::Before::Text);
        bool matched = (state->flags & Automaton::kMatch) != 0,
             final = (state->flags & Automaton::kFinal) != 0;
        for (char c : text) {
          if (final) break;
          state = (*automaton)->step(state, static_cast<unsigned char>(c));
          matched = matched || (state->flags & Automaton::kMatch);
          final = (state->flags & (Automaton::kFinal | Automaton::kDead)) != 0;
        }
        if (!final) matched = matched || (*automaton)->matches_at_end(state);
        std::size_t end = 0;
        const bool expected = re2->match_end(text, 0, text.size(), end);
        ASSERT_EQ(matched, expected) << pattern << " on '" << text << "'";
        std::size_t i = 0;
        while (i < length && ++digits[i] == alphabet.size()) digits[i++] = 0;
        if (i == length) break;
      }
    }
  }
  EXPECT_EQ(tried, 400U);
}

}  // namespace
}  // namespace veilwire::masking
