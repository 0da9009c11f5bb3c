#include "userspace/masking/start_scanner.h"

#include "tests/support/every_split.h"

#include <algorithm>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::masking {
namespace {

// Scanner of expressions without captures; rules count from 0.
struct Scanner {
  explicit Scanner(const std::vector<std::string>& patterns) {
    std::vector<StartScanner::Rule> rules;
    for (const std::string& pattern : patterns) {
      auto tree = parse_expression(pattern);
      EXPECT_TRUE(tree) << pattern;
      // What stands in a capture is the secret.
      const bool capture = has_capture(*tree, 0);
      std::vector<Expression> parts{*tree};
      if (tree->kind == Expression::Kind::Concat) parts = tree->parts;
      std::size_t context = 0;
      while (capture && !has_capture(parts[context], 0)) ++context;
      const std::span<const Expression> all = parts;
      automata.push_back(std::move(*Automaton::build(all.first(context), all.subspan(context),
                                                     capture ? std::optional(1U) : std::nullopt)));
      rules.push_back({static_cast<std::uint32_t>(rules.size()), automata.back().get()});
    }
    scanner.build(std::move(rules));
  }
  std::vector<std::unique_ptr<Automaton>> automata;
  StartScanner scanner;
};

using Starts = std::set<std::pair<std::uint32_t, std::size_t>>;  // rule, position

// All that is told, and what is left untold at the end.
Starts starts(const Scanner& s, const testing::Pieces& pieces, Starts* untold = nullptr) {
  Starts out;
  StartScanner::Node node = s.scanner.begin(Automaton::Before::Text);
  std::size_t at = 0;
  for (const std::string_view piece : pieces) {
    node = s.scanner.scan(node, piece, [&](std::size_t end, const StartScanner::Start& start) {
      out.emplace(start.rule, at + end - start.length);
    });
    at += piece.size();
  }
  for (const StartScanner::Start& start : s.scanner.untold(node)) {
    if (untold != nullptr) untold->emplace(start.rule, at - start.length);
  }
  return out;
}

// What an automaton that begins at each position says.
Starts expected(const Scanner& s, std::string_view text, Starts& untold) {
  Starts out;
  for (std::uint32_t rule = 0; rule < s.automata.size(); ++rule) {
    for (std::size_t start = 0; start < text.size(); ++start) {
      const Automaton& a = *s.automata[rule];
      const Automaton::State* state =
          a.start(start == 0 ? Automaton::Before::Text
                             : Automaton::before(static_cast<unsigned char>(text[start - 1])));
      bool told = false, dead = false;
      for (std::size_t at = start; at < text.size() && !told && !dead; ++at) {
        state = a.step(state, static_cast<unsigned char>(text[at]));
        dead = (state->flags & Automaton::kDead) != 0;
        told = (state->flags & Automaton::kMatch) != 0 ||
               (!dead && at + 1 - start == StartScanner::kDepth);
      }
      if (told) {
        out.emplace(rule, start);
      } else if (!dead) {
        untold.emplace(rule, start);
      }
    }
  }
  return out;
}

const std::vector<std::string> kPatterns = {"\\b[ab]{3}\\b", "(?:^|[^a-c])([ab]{17,30}c)",
                                            "[a-c]{2}1", "(?m)^[ab]{2}$", "[bc]1?[bc]{2} "};

TEST(StartScanner, TellsEveryStartAtEverySplit) {
  const Scanner s(kPatterns);
  std::mt19937 random(5);
  std::size_t told = 0;
  for (int round = 0; round < 60; ++round) {
    std::string text;
    for (int i = 0; i < 24; ++i) text += "aabbbc1 \n"[random() % 9];
    Starts untold, untold_expected;
    const Starts all = starts(s, {text}, &untold);
    told += all.size();
    EXPECT_EQ(all, expected(s, text, untold_expected)) << text;
    EXPECT_EQ(untold, untold_expected) << text;
    testing::every_split(text, [&](const testing::Pieces& pieces) { return starts(s, pieces); });
  }
  EXPECT_GT(told, 80U);
}

TEST(StartScanner, TellsWhatEndsWithTheText) {
  const Scanner s({"\\b[ab]{3}\\b", "[ab]{2,9}$", "x{2}c"});
  const auto none = [](std::size_t, const StartScanner::Start&) {};
  const auto ending = [&](std::string_view text) {
    Starts out;
    const auto node = s.scanner.scan(s.scanner.begin(Automaton::Before::Text), text, none);
    for (const StartScanner::Start& start : s.scanner.ending(node))
      out.emplace(start.rule, text.size() - start.length);
    return out;
  };
  EXPECT_EQ(ending(""), Starts{});
  EXPECT_EQ(ending("xx"), Starts{});
  EXPECT_EQ(ending("a"), Starts{});
  EXPECT_EQ(ending("ab"), (Starts{{1, 0}}));
  EXPECT_EQ(ending("aba"), (Starts{{0, 0}, {1, 0}, {1, 1}}));
  EXPECT_EQ(ending("x aba"), (Starts{{0, 2}, {1, 2}, {1, 3}}));
}

// Long enough to be read in several places at once.
TEST(StartScanner, TellsTheSameOfALongText) {
  const Scanner s(kPatterns);
  std::mt19937 random(6);
  for (const std::size_t size : {319U, 320U, 321U, 323U, 700U, 5000U}) {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) text += "aabbbc1 \n"[random() % (i % 100 < 50 ? 9 : 5)];
    Starts untold, untold_expected;
    const Starts all = starts(s, {text}, &untold);
    EXPECT_EQ(all, expected(s, text, untold_expected));
    EXPECT_EQ(untold, untold_expected);
  }
}

TEST(StartScanner, HoldsFromWhereASecretMayBegin) {
  const Scanner s({"(?:^|[^a-c])([ab]{2,9}c)", "x{2}=(y{3})"});
  const auto held = [&](std::string_view text) {
    const auto none = [](std::size_t, const StartScanner::Start&) {};
    return s.scanner.held(s.scanner.scan(s.scanner.begin(Automaton::Before::Text), text, none));
  };
  EXPECT_EQ(held(""), 0U);
  EXPECT_EQ(held(",; "), 0U);
  EXPECT_EQ(held(",; a"), 1U);
  EXPECT_EQ(held(",; aba"), 3U);
  EXPECT_EQ(held(",; abx"), 0U);
  EXPECT_EQ(held("a"), 1U) << "at the begin of the text";
  EXPECT_EQ(held("ca"), 0U);
  EXPECT_EQ(held("xx="), 0U) << "a context is not secret";
  EXPECT_EQ(held("xx=y"), 1U);
}

// What lives tells which of the last bytes were an a, and which a b.
TEST(StartScanner, MoreStatesThanItKeepsLoseNothing) {
  const Scanner s({"(?s)a.{14}1", "(?s)b.{3,14}2"});
  std::mt19937 random(7);
  for (int round = 0; round < 40; ++round) {
    std::string text;
    for (int i = 0; i < 3000; ++i) text += "abc123"[random() % (random() % 8 ? 4 : 6)];
    Starts untold, untold_expected;
    const Starts all = starts(s, {text}, &untold);
    const Starts wanted = expected(s, text, untold_expected);
    // Beyond its memory it tells early, also of what comes to nothing.
    EXPECT_TRUE(std::includes(all.begin(), all.end(), wanted.begin(), wanted.end()));
    Starts known = all;
    known.insert(untold.begin(), untold.end());
    EXPECT_TRUE(
        std::includes(known.begin(), known.end(), untold_expected.begin(), untold_expected.end()));
  }
  EXPECT_TRUE(s.scanner.full());
}

TEST(StartScanner, ThreadsShareItsStates) {
  const Scanner s(kPatterns);
  std::vector<std::thread> threads;
  std::vector<Starts> found(4);
  for (std::size_t t = 0; t < found.size(); ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(8);
      std::string text;
      for (int i = 0; i < 20000; ++i) text += "aabbbc1 \n"[random() % 9];
      found[t] = starts(s, {text});
    });
  }
  for (std::thread& t : threads) t.join();
  for (const Starts& f : found) EXPECT_EQ(f, found[0]);
  EXPECT_GT(found[0].size(), 1000U);
}

}  // namespace
}  // namespace veilwire::masking
