#include "agent/ctl/scan_policy.h"

#include "tests/unit/ctl/scan_fixture.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::ctl {
namespace {

using policy::Action;
using policy::Direction;

class ScanPolicyTest : public ::testing::Test {
 protected:
  std::string masked(Direction direction, bool all) const {
    auto policy = load_scan_policy(policy_, direction, all, Secret(std::string(32, 'k')));
    if (!policy) return policy.error().front().message;
    return masking::mask_all(*policy->engine, "staff-123456 tok_ab12cd34 stop_ab12cd34");
  }
  testing::ScratchFolder folder_;
  std::string policy_ = testing::write_scan_policy(folder_);
};

TEST_F(ScanPolicyTest, WhatPassesIsNoFindingUnlessAllIsAskedFor) {
  EXPECT_EQ(masked(Direction::Response, false).find("staff-123456 [MASKED:test-token:"), 0U);
  EXPECT_EQ(masked(Direction::Response, true).find("[MASKED:staff-number:"), 0U);
  EXPECT_EQ(masked(Direction::Request, false).find("[MASKED:staff-number:"), 0U);
}

TEST_F(ScanPolicyTest, WhatIsBlockedIsMasked) {
  EXPECT_NE(masked(Direction::Response, false).find("[MASKED:stop-token:"), std::string::npos);
}

TEST_F(ScanPolicyTest, EachRuleHasItsAction) {
  const auto policy =
      load_scan_policy(policy_, Direction::Response, true, Secret(std::string(32, 'k')));
  ASSERT_TRUE(policy);
  const auto action = [&](const char* id) { return policy->rules[policy->index.at(id)].action; };
  EXPECT_EQ(action("test-token"), Action::Mask);
  EXPECT_EQ(action("stop-token"), Action::Block);
  EXPECT_EQ(action("staff-number"), Action::Pass);
}

TEST_F(ScanPolicyTest, TheAgentsKeyIsUsedWhereItCanBeRead) {
  const std::string agents = folder_.write("agents", std::string(32, 'a'));
  const std::string named = folder_.write("named", std::string(40, 'n'));
  EXPECT_EQ(scan_key("", agents)->key.reveal(), std::string(32, 'a'));
  EXPECT_EQ(scan_key("", agents)->why_new, "");
  EXPECT_EQ(scan_key(named, agents)->key.reveal(), std::string(40, 'n'));
}

TEST_F(ScanPolicyTest, WithoutTheAgentsKeyEachRunHasItsOwn) {
  const auto one = scan_key("", folder_ / "none"), two = scan_key("", folder_ / "none");
  EXPECT_EQ(one->key.reveal().size(), 32U);
  EXPECT_NE(one->key.reveal(), two->key.reveal());
  EXPECT_EQ(one->why_new, folder_ / "none: No such file or directory");
}

TEST_F(ScanPolicyTest, AKeyThatIsNamedMustBeThereAndLongEnough) {
  const std::string agents = folder_.write("agents", std::string(32, 'a'));
  EXPECT_FALSE(scan_key(folder_ / "none", agents));
  const std::string weak = folder_.write("weak", std::string(31, 'w'));
  EXPECT_EQ(scan_key(weak, agents).error(), weak + ": shorter than 32 bytes");
  EXPECT_FALSE(scan_key("", weak));
}

TEST_F(ScanPolicyTest, TheConfigurationNamesTheAgentsKey) {
  const std::string config = folder_.write("agent.toml", "[proxy]\nsite_key = \"/x/key\"\n");
  EXPECT_EQ(configured_site_key(config, true), "/x/key");
  EXPECT_EQ(configured_site_key(folder_ / "none", false), "/var/lib/veilwire/site.key");
  EXPECT_ANY_THROW(configured_site_key(folder_ / "none", true));
}

}  // namespace
}  // namespace veilwire::ctl
