#include "agent/ctl/audit_text.h"

#include "tests/support/every_split.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace veilwire::ctl {
namespace {

std::string shown(const testing::Pieces& pieces) {
  VisibleText text;
  std::string out;
  for (const std::string_view piece : pieces) out += text.feed(piece);
  return out + text.finish();
}

TEST(VisibleText, KeepsTextAndEscapesWhatATerminalActsOn) {
  EXPECT_EQ(shown({"two\nlines\tand a \xe2\x82\xac, \xf0\x9f\x98\x80"}),
            "two\nlines\tand a \xe2\x82\xac, \xf0\x9f\x98\x80");
  EXPECT_EQ(shown({"\x1b]0;title\x07\x1b[2J\r\b\x7f"}),
            "\\x1b]0;title\\x07\\x1b[2J\\x0d\\x08\\x7f");
  EXPECT_EQ(shown({"\xc2\x9b"
                   "31m \xc2\x85"}),
            "\\u{009b}31m \\u{0085}");  // C1
  EXPECT_EQ(shown({"\xe2\x80\xae"
                   "txt.exe\xe2\x81\xa6"}),
            "\\u{202e}txt.exe\\u{2066}");  // direction
  EXPECT_EQ(shown({"a\xe2\x80\x8b"
                   "b\xef\xbb\xbf"
                   "c\xf3\xa0\x81\x81"}),
            "a\\u{200b}b\\u{feff}c\\u{e0041}");  // invisible
  EXPECT_EQ(shown({std::string_view("\0", 1)}), "\\x00");
}

TEST(VisibleText, EscapesBytesThatAreNotUtf8) {
  EXPECT_EQ(shown({"a\xff\xc0\x80z"}), "a\\xff\\xc0\\x80z");
  EXPECT_EQ(shown({"\xed\xa0\x80"}), "\\xed\\xa0\\x80");
  EXPECT_EQ(shown({"\xe2\x82"}), "\\xe2\\x82");
  EXPECT_EQ(shown({"\xe2\x82z"}), "\\xe2\\x82z");
  EXPECT_EQ(shown({"\xf4\x90\x80\x80"}), "\\xf4\\x90\\x80\\x80");
}

TEST(VisibleText, IsTheSameHoweverTheBytesArrive) {
  std::string every;
  for (int i = 0; i < 256; ++i) every += static_cast<char>(i);
  veilwire::testing::every_split(
      "a\xe2\x82\xac\xf0\x9f\x98\x80\xe2\x80\xae\xe2\x82\x1b[m\xc2\x9b\xff" + every, shown);
}

TEST(VisibleLine, LeavesNoLineOrTabEither) {
  EXPECT_EQ(visible_line("a\nb\tc\xe2"), "a\\x0ab\\x09c\\xe2");
}

TEST(VisibleCell, CutsByCharacters) {
  EXPECT_EQ(visible_cell("abcdef", 6), "abcdef");
  EXPECT_EQ(visible_cell("abcdefg", 6), "abcde…");
  EXPECT_EQ(visible_cell("\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac", 2), "\xe2\x82\xac…");
  EXPECT_EQ(visible_cell("", 3), "");
}

TEST(VisibleJson, StaysTheSameValue) {
  const std::string json = "{\"a\":\"\x7f \xc2\x9b \xe2\x80\xae \xf3\xa0\x81\x81 \xe2\x82\xac\"}";
  const std::string safe = visible_json(json);
  EXPECT_EQ(safe, "{\"a\":\"\\u007f \\u009b \\u202e \\udb40\\udc41 \xe2\x82\xac\"}");
  EXPECT_EQ(nlohmann::json::parse(safe), nlohmann::json::parse(json));
}

TEST(WallText, IsUtcWithMilliseconds) {
  EXPECT_EQ(wall_text(1'795'456'800'123'456'789), "2026-11-23 18:00:00.123 UTC");
  EXPECT_EQ(wall_text(0), "1970-01-01 00:00:00.000 UTC");
  EXPECT_EQ(wall_text(-1), "1969-12-31 23:59:59.999 UTC");
  EXPECT_EQ(seconds_text(3'204'400'000), "3.204 s");
}

TEST(ParseSince, TakesDurationsAndTimes) {
  constexpr std::int64_t kNow = 1'795'456'800'123'456'789;  // 2026-11-23 18:00:00.123
  constexpr std::int64_t kSecond = 1'000'000'000, kMidnight = 1'795'392'000 * kSecond;
  EXPECT_EQ(parse_since("90s", kNow), kNow - 90 * kSecond);
  EXPECT_EQ(parse_since("30m", kNow), kNow - 1800 * kSecond);
  EXPECT_EQ(parse_since("12h", kNow), kNow - 43'200 * kSecond);
  EXPECT_EQ(parse_since("7d", kNow), kNow - 604'800 * kSecond);
  EXPECT_EQ(parse_since("1000000d", kNow), 0);
  EXPECT_EQ(parse_since("today", kNow), kMidnight);
  EXPECT_EQ(parse_since("2026-11-23", kNow), kMidnight);
  EXPECT_EQ(parse_since("2026-11-23 18:00", kNow), kMidnight + 64'800 * kSecond);
  EXPECT_EQ(parse_since("2026-11-23T18:00:01Z", kNow), kMidnight + 64'801 * kSecond);
  for (const char* wrong :
       {"", "s", "-1h", "1w", "1.5h", "yesterday", "2026-13-01", "2026-04-31", "2026-11-23 25:00",
        "2026-11-23 18:00 CET", "99999999999999999999d", "1h ", " 1h", "1800-01-01"}) {
    EXPECT_FALSE(parse_since(wrong, kNow)) << wrong;
  }
}

}  // namespace
}  // namespace veilwire::ctl
