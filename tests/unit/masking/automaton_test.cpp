#include "userspace/masking/automaton.h"

#include "userspace/masking/expression.h"

#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::masking {
namespace {

std::unique_ptr<Automaton> build(std::string_view pattern) {
  auto parsed = parse_expression(pattern);
  EXPECT_TRUE(parsed);
  const Expression& tree = *parsed;
  auto made = Automaton::build({}, {&tree, 1});
  EXPECT_TRUE(made);
  return std::move(*made);
}

unsigned flags_after(const Automaton& a, std::string_view text) {
  const Automaton::State* s = a.start(Automaton::Before::Text);
  for (char c : text) s = a.step(s, static_cast<unsigned char>(c));
  return s->flags;
}

TEST(Automaton, SaysWhenNothingCanFollow) {
  const auto a = build("ab{1,2}");
  EXPECT_FALSE(flags_after(*a, "a") & (Automaton::kDead | Automaton::kMatch));
  EXPECT_EQ(flags_after(*a, "ab") & (Automaton::kMatch | Automaton::kFinal),
            unsigned{Automaton::kMatch});
  EXPECT_TRUE(flags_after(*a, "abb") & Automaton::kFinal);
  EXPECT_TRUE(flags_after(*a, "abc") & Automaton::kDead);
}

TEST(Automaton, AnAssertionWaitsForTheNextByte) {
  const auto a = build("ab\\b");
  EXPECT_FALSE(flags_after(*a, "ab") & Automaton::kMatch);
  EXPECT_EQ(flags_after(*a, "ab ") & (Automaton::kMatch | Automaton::kDead),
            unsigned{Automaton::kMatch | Automaton::kDead});
  EXPECT_EQ(flags_after(*a, "abc") & (Automaton::kMatch | Automaton::kDead),
            unsigned{Automaton::kDead});
  const Automaton::State* s = a->start(Automaton::Before::Text);
  for (char c : {'a', 'b'}) s = a->step(s, static_cast<unsigned char>(c));
  EXPECT_TRUE(a->matches_at_end(s));
}

TEST(Automaton, APreferredMatchEndsTheOthers) {
  EXPECT_TRUE(flags_after(*build("ab|abc"), "ab") & Automaton::kFinal);
  EXPECT_FALSE(flags_after(*build("abc|ab"), "ab") & Automaton::kFinal);
  EXPECT_TRUE(flags_after(*build("ab+?"), "ab") & Automaton::kFinal);
}

TEST(Automaton, TooManyPlacesAreRefused) {
  auto parsed = parse_expression("(?:a{100}){1000}");
  ASSERT_TRUE(parsed);
  const Expression& tree = *parsed;
  EXPECT_FALSE(Automaton::build({}, {&tree, 1}));
}

// (a|b)*a(a|b){20} has 2^20 states: memory ends first, and the answer is then "perhaps".
TEST(Automaton, RunningOutOfMemoryKillsNoMatch) {
  const auto a = build("[ab]*a[ab]{20}c");
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    std::string text;
    for (int i = 0; i < 400; ++i) text += random() % 2 ? 'a' : 'b';
    text[text.size() - 21] = 'a';
    ASSERT_FALSE(flags_after(*a, text) & Automaton::kDead);
    ASSERT_TRUE(flags_after(*a, text + "c") & Automaton::kMatch);
  }
}

TEST(Automaton, ThreadsShareItsStates) {
  const auto a = build("(?:ab|ba|[ab]{3}c){1,9}\\b");
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      for (int round = 0; round < 2000; ++round) {
        std::string text;
        for (int i = 0; i < 20; ++i) text += "abc "[random() % 4];
        (void)flags_after(*a, text);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_TRUE(flags_after(*a, "abba ") & Automaton::kMatch);
}

std::string bytes_behind(std::string_view pattern, std::string_view literal, std::size_t place) {
  const auto tree = parse_expression(pattern);
  const auto automaton = Automaton::build({}, {&*tree, 1});
  std::vector<ByteSet> sets(literal.size());
  for (std::size_t i = 0; i < literal.size(); ++i)
    sets[i].set(static_cast<unsigned char>(literal[i]));
  const ByteSet set = (*automaton)->bytes_behind(sets, place + 1)[place];
  if (set.all()) return "any";
  std::string out;
  for (unsigned b = 0; b < 256; ++b) {
    if (set[b]) out += static_cast<char>(b);
  }
  return out;
}

TEST(Automaton, SaysWhichBytesCanStandBehindALiteral) {
  EXPECT_EQ(bytes_behind("ab?[cd]e", "", 0), "a");
  EXPECT_EQ(bytes_behind("ab?[cd]e", "a", 0), "bcd");
  EXPECT_EQ(bytes_behind("ab?[cd]e", "a", 1), "cde");
  EXPECT_EQ(bytes_behind("ab?[cd]e", "ab", 0), "cd");
  EXPECT_EQ(bytes_behind("ab?[cd]e", "a", 2), "any") << "behind the shortest match";
  EXPECT_EQ(bytes_behind("(?:a|bc)d", "b", 0), "c");
  EXPECT_EQ(bytes_behind("(?:a|bc)d", "b", 1), "d");
  EXPECT_EQ(bytes_behind("(?:^|x)\\ba{2,}", "a", 0), "a");
  EXPECT_EQ(bytes_behind("(?:^|x)\\ba{2,}", "aa", 0), "any");
}

TEST(Automaton, WhatStandsBehindALiteralBeginsBehindTheSkippedContext) {
  const auto tree = parse_expression("[a-z]{2}=(ab)c");
  const std::span<const Expression> parts = tree->parts;
  const auto automaton = Automaton::build(parts.first(2), parts.subspan(2), 1, 1);
  ByteSet equals;
  equals.set('=');
  const std::vector<ByteSet> behind = (*automaton)->bytes_behind({&equals, 1}, 2);
  EXPECT_TRUE(behind[0]['a'] && behind[0].count() == 1);
  EXPECT_TRUE(behind[1]['b'] && behind[1].count() == 1);
}

}  // namespace
}  // namespace veilwire::masking
