#include "agent/ctl/scan_text.h"

#include "agent/ctl/scan_policy.h"
#include "tests/unit/ctl/scan_fixture.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::ctl {
namespace {

struct Collected {
  std::string all;
  std::vector<Sighting> sightings;
};

struct Collector : ScanOutput {
  void released(std::string_view text) override { seen.all += text; }
  void masked(std::string_view /*replacement*/) override { seen.all += "[#]"; }
  void found(const Sighting& sighting) override { seen.sightings.push_back(sighting); }
  Collected seen;
};

class ScanTextTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto policy = load_scan_policy(testing::write_scan_policy(folder_), policy::Direction::Response,
                                   /*all=*/false, Secret(std::string(32, 'k')));
    ASSERT_TRUE(policy);
    engine_ = policy->engine;
  }
  Collected scanned(const std::vector<std::string_view>& pieces, bool locate = true) const {
    Collector output;
    ScanText text(engine_, output, locate);
    for (const std::string_view piece : pieces) text.feed(piece);
    text.finish();
    return output.seen;
  }
  testing::ScratchFolder folder_;
  std::shared_ptr<const masking::Engine> engine_;
};

TEST_F(ScanTextTest, SaysLineAndColumnInCodePoints) {
  const Collected output = scanned({"a\nb\xc3\xa4\xe2\x82\xac tok_ab12cd34 tok_00000000\n"});
  EXPECT_EQ(output.all, "a\nb\xc3\xa4\xe2\x82\xac [#] [#]\n");
  ASSERT_EQ(output.sightings.size(), 2U);
  const Sighting& first = output.sightings[0];
  EXPECT_EQ(first.finding.rule, "test-token");
  EXPECT_EQ(first.finding.length, 12U);
  EXPECT_EQ(first.begin, (Place{9, 2, 5}));
  EXPECT_EQ(first.end, (Place{21, 2, 17}));
  EXPECT_EQ(output.sightings[1].begin, (Place{22, 2, 18}));
}

TEST_F(ScanTextTest, ARegionIsOneSightingFromItsBeginToItsEnd) {
  const Collected output = scanned({"x <<BEGIN>>\nsecret\nlines<<END>> tok_ab12cd34\n"});
  EXPECT_EQ(output.all, "x [#] [#]\n");
  ASSERT_EQ(output.sightings.size(), 2U);
  EXPECT_EQ(output.sightings[0].begin, (Place{2, 1, 3}));
  EXPECT_EQ(output.sightings[0].end, (Place{31, 3, 13}));
  EXPECT_EQ(output.sightings[0].finding.length, 29U);
  EXPECT_EQ(output.sightings[1].begin, (Place{32, 3, 14}));
}

TEST_F(ScanTextTest, ARegionThatTheTextEndsInReachesToItsEnd) {
  const Collected output = scanned({"<<BEGIN>>\nno end"});
  EXPECT_EQ(output.all, "[#]");
  ASSERT_EQ(output.sightings.size(), 1U);
  EXPECT_EQ(output.sightings[0].end, (Place{16, 2, 7}));
}

TEST_F(ScanTextTest, EverySplitGivesTheSame) {
  const std::string text =
      "a tok_ab12cd34\n\xe5\xaf\x86tok_99999999<<BEGIN>>\nx\n<<END>>tok_ab12cd34<<BEGIN>>z<<END>>";
  const Collected whole = scanned({text});
  ASSERT_EQ(whole.sightings.size(), 5U);
  const auto same = [&](const Collected& other) {
    ASSERT_EQ(other.all, whole.all);
    ASSERT_EQ(other.sightings.size(), whole.sightings.size());
    for (std::size_t i = 0; i < whole.sightings.size(); ++i) {
      EXPECT_EQ(other.sightings[i].begin, whole.sightings[i].begin) << i;
      EXPECT_EQ(other.sightings[i].end, whole.sightings[i].end) << i;
      EXPECT_EQ(other.sightings[i].finding.length, whole.sightings[i].finding.length) << i;
      EXPECT_EQ(other.sightings[i].finding.digest, whole.sightings[i].finding.digest) << i;
    }
  };
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < text.size(); ++i)
    bytes.push_back(std::string_view(text).substr(i, 1));
  same(scanned(bytes));
  for (std::size_t cut = 1; cut < text.size(); ++cut)
    same(scanned({std::string_view(text).substr(0, cut), std::string_view(text).substr(cut)}));
}

TEST_F(ScanTextTest, AnotherTextBeginsWhereItIsSaidTo) {
  Collector output;
  ScanText text(engine_, output, true);
  text.feed("<<BEGIN>> never ended");
  text.restart({100, 7, 3});
  text.feed("tok_ab12cd34");
  text.finish();
  ASSERT_EQ(output.seen.sightings.size(), 1U);
  EXPECT_EQ(output.seen.sightings[0].begin, (Place{100, 7, 3}));
  EXPECT_EQ(output.seen.sightings[0].finding.offset, 100U);
}

}  // namespace
}  // namespace veilwire::ctl
