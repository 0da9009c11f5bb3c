#include "userspace/identity/claim_glob.h"

#include <cstddef>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

// The meaning again, as plainly as it can be said, without regard to time.
bool slow_segment(std::string_view p, std::string_view s) {
  if (p.empty()) return s.empty();
  if (p[0] != '*') return !s.empty() && p[0] == s[0] && slow_segment(p.substr(1), s.substr(1));
  for (std::size_t n = 0; n <= s.size(); ++n) {
    if (slow_segment(p.substr(1), s.substr(n))) return true;
    if (n < s.size() && s[n] == ':') return false;
  }
  return false;
}
bool odd(std::string_view s) { return s.empty() || s == "." || s == ".."; }
bool slow_match(const std::vector<std::string>& p, const std::vector<std::string>& v) {
  if (p.empty()) return v.empty();
  const auto rest = [](const auto& list, std::size_t n) {
    return std::vector<std::string>(list.begin() + static_cast<std::ptrdiff_t>(n), list.end());
  };
  if (p[0] == "**") {
    for (std::size_t n = 1; n <= v.size() && !odd(v[n - 1]); ++n)
      if (slow_match(rest(p, 1), rest(v, n))) return true;
    return false;
  }
  if (v.empty()) return false;
  const bool fits =
      p[0].find('*') == std::string::npos ? p[0] == v[0] : !odd(v[0]) && slow_segment(p[0], v[0]);
  return fits && slow_match(rest(p, 1), rest(v, 1));
}
std::vector<std::string> cut(const std::string& path) {
  std::vector<std::string> out(1);
  for (const char c : path) {
    if (c == '/')
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

TEST(ClaimGlob, AStarStaysBetweenSlashes) {
  EXPECT_TRUE(glob_matches("acme/*", "acme/app"));
  EXPECT_FALSE(glob_matches("acme/*", "acme/sub/app"));
  EXPECT_FALSE(glob_matches("acme/*", "acme"));
  EXPECT_FALSE(glob_matches("acme/*", "acme/"));
  EXPECT_FALSE(glob_matches("acme/*", "evil/acme/app"));
  EXPECT_TRUE(glob_matches("refs/heads/release-*", "refs/heads/release-1.2"));
  EXPECT_FALSE(glob_matches("refs/heads/release-*", "refs/heads/release-1/evil"));
  EXPECT_TRUE(glob_matches("*/app", "acme/app"));
  EXPECT_TRUE(glob_matches("a*b*c", "aXbYbZc"));
  EXPECT_FALSE(glob_matches("a*b*c", "aXbYbZ"));
}

TEST(ClaimGlob, TwoStarsAreOneSegmentOrMore) {
  EXPECT_TRUE(glob_matches("acme/**", "acme/app"));
  EXPECT_TRUE(glob_matches("acme/**", "acme/sub/deep/app"));
  EXPECT_FALSE(glob_matches("acme/**", "acme"));
  EXPECT_FALSE(glob_matches("acme/**", "acme-evil/app"));
  EXPECT_TRUE(glob_matches("acme/**/app", "acme/a/b/app"));
  EXPECT_FALSE(glob_matches("acme/**/app", "acme/app"));
  EXPECT_TRUE(glob_matches("**/app/**", "a/app/app/b"));
}

TEST(ClaimGlob, AStarStaysBetweenColons) {
  const char* pattern = "repo:acme/*:ref:refs/heads/main";
  EXPECT_TRUE(glob_matches(pattern, "repo:acme/app:ref:refs/heads/main"));
  EXPECT_FALSE(glob_matches(pattern, "repo:acme/app:environment:x:ref:refs/heads/main"));
  EXPECT_FALSE(glob_matches("repo:acme/*", "repo:acme/app:pull_request"));
  EXPECT_TRUE(glob_matches("repo:acme/*:*", "repo:acme/app:pull_request"));
}

TEST(ClaimGlob, OddSegmentsAreMatchedByThemselvesAlone) {
  for (const char* value : {"acme//app", "acme/../evil", "acme/./app", "acme/app/"}) {
    EXPECT_FALSE(glob_matches("acme/**", value)) << value;
    EXPECT_FALSE(glob_matches("acme/*/*", value)) << value;
  }
  EXPECT_TRUE(glob_matches("https://ci.example/job/*/", "https://ci.example/job/app/"));
  EXPECT_FALSE(glob_matches("https://ci.example/job/*/", "https://ci.example/job//"));
}

TEST(ClaimGlob, PatternsThatCannotMeanWhatTheySayAreRefused) {
  EXPECT_EQ(check_glob("acme/**"), GlobFault::None);
  EXPECT_EQ(check_glob(""), GlobFault::Empty);
  EXPECT_EQ(check_glob(std::string(1025, 'a')), GlobFault::TooLong);
  EXPECT_EQ(check_glob("acme/\n"), GlobFault::Control);
  for (const char* pattern : {"acme/**x", "acme**", "x**/y", "acme/***"})
    EXPECT_EQ(check_glob(pattern), GlobFault::MixedDoubleStar) << pattern;
  for (const char* pattern : {"*", "**", "*/*", "**/*", "*:*"})
    EXPECT_EQ(check_glob(pattern), GlobFault::NothingLiteral) << pattern;
}

TEST(ClaimGlob, ALongValueTakesNoLongTime) {
  const std::string stars = "a*a*a*a*a*a*a*a*a*a*b", segments = "**/a/**/a/**/a/**/a/**/b";
  EXPECT_FALSE(glob_matches(stars, std::string(16'000, 'a')));
  std::string path = "a";
  for (int n = 0; n < 8000; ++n) path += "/a";
  EXPECT_FALSE(glob_matches(segments, path));
}

// All patterns of up to five characters of this alphabet against all values of as many.
TEST(ClaimGlob, AgreesWithThePlainMeaningOnEveryShortPatternAndValue) {
  const auto every = [](std::string_view alphabet, std::size_t longest) {
    std::vector<std::string> all{""};
    for (std::size_t from = 0, n = 0; n < longest; ++n) {
      const std::size_t end = all.size();
      for (; from < end; ++from)
        for (const char c : alphabet) all.push_back(all[from] + c);
    }
    return all;
  };
  const auto values = every("a:/.", 5);
  std::vector<std::vector<std::string>> cut_values;
  for (const std::string& value : values) cut_values.push_back(cut(value));
  std::size_t matched = 0;
  for (const std::string& pattern : every("a*:/", 5)) {
    if (check_glob(pattern) != GlobFault::None) continue;
    const auto cut_pattern = cut(pattern);
    for (std::size_t n = 0; n < values.size(); ++n) {
      const bool slow = slow_match(cut_pattern, cut_values[n]);
      matched += slow ? 1U : 0U;
      ASSERT_EQ(glob_matches(pattern, values[n]), slow) << pattern << " on " << values[n];
    }
  }
  EXPECT_GT(matched, 1000U);
}

}  // namespace
}  // namespace veilwire::identity
