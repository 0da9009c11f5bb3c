// What `veilwire scan` says of a text does not depend on how the text is cut, and the places that
// it names are those of the text. Texts are made of the shipped rules' own examples between words
// of several alphabets; places are compared with a count over the whole text.
#include "agent/ctl/scan_text.h"

#include "agent/ctl/scan_excerpt.h"
#include "agent/ctl/scan_input.h"
#include "agent/ctl/scan_policy.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::ctl {
namespace {

struct Seen {
  std::string masked;
  std::vector<Sighting> sightings;
  std::vector<std::string> excerpts;
};

class Both : public ScanOutput {
 public:
  void released(std::string_view text) override {
    seen.masked += text;
    excerpts.released(text);
  }
  void masked(std::string_view replacement) override {
    seen.masked += replacement;
    excerpts.masked(replacement);
  }
  void found(const Sighting& sighting) override {
    seen.sightings.push_back(sighting);
    excerpts.found(sighting);
  }
  Seen seen;
  ScanExcerpts excerpts{
      [this](const Sighting&, const std::string& excerpt) { seen.excerpts.push_back(excerpt); }};
};

Seen scanned(const ScanPolicy& policy, const std::string& text, Chunks chunks) {
  Both output;
  ScanText scan(policy.engine, output, /*locate=*/true);
  chunks.cut(text, [&](std::string_view piece) { scan.feed(piece); });
  scan.finish();
  output.excerpts.finish();
  return std::move(output.seen);
}

// The slow way: everything before the place is looked at again.
Place place_at(const std::string& text, std::uint64_t offset) {
  Place place{offset, 1, 1};
  for (std::uint64_t i = 0; i < offset; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '\n') {
      ++place.line;
      place.column = 1;
    } else if (byte < 0x80 || byte >= 0xc0) {
      ++place.column;
    }
  }
  return place;
}

class ScanTextProperty : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string file = std::string(VEILWIRE_SOURCE_DIR) + "/policies/default.toml";
    auto policy = load_scan_policy(file, policy::Direction::Response, /*all=*/true,
                                   Secret(std::string(32, 'k')));
    ASSERT_TRUE(policy);
    policy_ = *std::move(policy);
    const auto files = load_policy_files(file);
    ASSERT_TRUE(files);
    for (const masking::RulePack& pack : files->packs)
      for (const masking::Rule& rule : pack.rules)
        parts_.insert(parts_.end(), rule.positive.begin(), rule.positive.end());
    ASSERT_GT(parts_.size(), 10U);
    const std::size_t examples = parts_.size();
    for (const char* word : {" ", "\n", "\r\n", ". ", ", ", "\"", "`", "\xe3\x80\x82", "the ",
                             "\xe5\xaf\x86\xe9\x92\xa5", "\xc3\xa4", "key=", "\\n", "\t", "-",
                             "\xff", "\xf0\x9f\x94\x91", "[MASKED:"})
      for (std::size_t i = 0; i < examples / 8 + 1; ++i) parts_.emplace_back(word);
  }
  std::string text(std::mt19937_64& dice) const {
    std::string made;
    for (std::size_t n = dice() % 40; n > 0; --n) made += parts_[dice() % parts_.size()];
    return made;
  }
  ScanPolicy policy_;
  std::vector<std::string> parts_;
};

TEST_F(ScanTextProperty, CutsChangeNothingAndPlacesAreTrue) {
  std::mt19937_64 dice(20260101);
  std::size_t found = 0;
  for (int round = 0; round < 150; ++round) {
    const std::string whole = text(dice);
    const Seen expected = scanned(policy_, whole, Chunks());
    EXPECT_EQ(expected.excerpts.size(), expected.sightings.size());
    std::string rebuilt;  // what is outside the findings is what came, in its order
    std::uint64_t at = 0;
    for (const Sighting& s : expected.sightings) {
      ++found;
      ASSERT_GE(s.begin.offset, at);
      EXPECT_EQ(s.begin, place_at(whole, s.begin.offset));
      EXPECT_EQ(s.end, place_at(whole, s.end.offset));
      EXPECT_EQ(s.end.offset, s.begin.offset + s.finding.length);
      rebuilt += whole.substr(at, s.begin.offset - at);
      const std::size_t mask = rebuilt.size();
      ASSERT_EQ(expected.masked.substr(0, mask), rebuilt);
      rebuilt += expected.masked.substr(mask, expected.masked.find(']', mask) + 1 - mask);
      at = s.end.offset;
    }
    EXPECT_EQ(expected.masked, rebuilt + whole.substr(at));
    for (const char* cuts : {"1", "2", "3", "7", "64", "random"}) {
      const Seen other = scanned(policy_, whole, Chunks::parse(cuts, dice()).value());
      ASSERT_EQ(other.masked, expected.masked) << cuts << " of " << whole;
      EXPECT_EQ(other.excerpts, expected.excerpts) << cuts << " of " << whole;
      ASSERT_EQ(other.sightings.size(), expected.sightings.size());
      for (std::size_t i = 0; i < other.sightings.size(); ++i) {
        EXPECT_EQ(other.sightings[i].begin, expected.sightings[i].begin);
        EXPECT_EQ(other.sightings[i].end, expected.sightings[i].end);
        EXPECT_EQ(other.sightings[i].finding.rule, expected.sightings[i].finding.rule);
      }
    }
  }
  EXPECT_GT(found, 500U);  // the texts are what they are meant to be
}

}  // namespace
}  // namespace veilwire::ctl
