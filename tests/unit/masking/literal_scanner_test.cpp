#include "userspace/masking/literal_scanner.h"

#include "tests/support/every_split.h"

#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::masking {
namespace {

LiteralScanner scanner(const std::vector<std::pair<std::string, bool>>& literals) {
  std::vector<LiteralScanner::Entry> entries;
  for (const auto& [bytes, hold] : literals) {
    entries.push_back({{bytes, std::vector<bool>(bytes.size(), true)},
                       static_cast<std::uint32_t>(entries.size()),
                       hold,
                       0});
  }
  LiteralScanner s;
  EXPECT_TRUE(s.build(entries));
  return s;
}

TEST(LiteralScanner, FindsEveryLiteralAtEverySplit) {
  const LiteralScanner s = scanner(
      {{"he", false}, {"she", false}, {"hers", false}, {"his", false}, {"\xc3\xa9x", false}});
  const std::string text = "usherS hishers \xc3\xa9X HE";
  using Hits = std::vector<std::tuple<std::size_t, std::uint32_t, std::uint32_t>>;
  const auto run = [&](const testing::Pieces& pieces) {
    Hits hits;
    LiteralScanner::Node node = LiteralScanner::kRoot;
    std::size_t at = 0;
    for (std::string_view piece : pieces) {
      node = s.scan(node, piece, [&](std::size_t end, const LiteralScanner::Hit& h) {
        hits.emplace_back(at + end, h.owner, h.length);
      });
      at += piece.size();
    }
    return hits;
  };
  testing::every_split(text, run);
  Hits expected;
  const std::vector<std::string> literals = {"he", "she", "hers", "his", "\xc3\xa9x"};
  std::string lower = text;
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  for (std::size_t end = 1; end <= text.size(); ++end) {
    for (std::uint32_t i = 0; i < literals.size(); ++i) {
      const std::size_t n = literals[i].size();
      if (end >= n && lower.compare(end - n, n, literals[i]) == 0) expected.emplace_back(end, i, n);
    }
  }
  Hits found = run({text});
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, expected);
}

TEST(LiteralScanner, TellsWhichEndsMayBeBeginnings) {
  const LiteralScanner s = scanner({{"abab", true}, {"abx", false}, {"bab", true}});
  std::vector<std::pair<std::size_t, std::vector<std::uint32_t>>> seen;
  const auto node =
      s.scan(LiteralScanner::kRoot, "xaba", [](std::size_t, const LiteralScanner::Hit&) {});
  s.beginnings(node, [&](std::size_t length, const std::vector<std::uint32_t>& owners) {
    seen.emplace_back(length, owners);
    return true;
  });
  // "aba", "ba" and "a" could go on; what is whole is a hit and no beginning.
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[0], std::pair(std::size_t{3}, std::vector<std::uint32_t>{0}));
  EXPECT_EQ(seen[1], std::pair(std::size_t{2}, std::vector<std::uint32_t>{2}));
  EXPECT_EQ(seen[2], std::pair(std::size_t{1}, std::vector<std::uint32_t>{0}));
}

}  // namespace
}  // namespace veilwire::masking
