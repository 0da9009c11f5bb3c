#include "agent/saml/replay_table.h"

#include <chrono>

#include <gtest/gtest.h>

namespace veilwire::saml {
namespace {

using host::protocol::SamlError;
using std::chrono::seconds;

WallTime at(int second) { return {seconds(1'800'000'000 + second)}; }

TEST(SamlReplayTable, AnAssertionIsUsedOnce) {
  ReplayTable table;
  EXPECT_EQ(table.use("_a", at(300), at(0)), std::nullopt);
  EXPECT_EQ(table.use("_a", at(300), at(1)), SamlError::Replayed);
  EXPECT_EQ(table.use("_b", at(300), at(1)), std::nullopt);
}

TEST(SamlReplayTable, NothingIsForgottenThatCouldStillBeUsed) {
  ReplayTable table(2);
  EXPECT_EQ(table.use("_a", at(100), at(0)), std::nullopt);
  EXPECT_EQ(table.use("_b", at(300), at(0)), std::nullopt);
  EXPECT_EQ(table.use("_c", at(300), at(159)), SamlError::Busy) << "within its grace, and ours";
  EXPECT_EQ(table.use("_a", at(100), at(159)), SamlError::Replayed);
  EXPECT_EQ(table.use("_c", at(500), at(220)), std::nullopt);
  EXPECT_EQ(table.size(), 2U);
  EXPECT_EQ(table.use("_b", at(300), at(220)), SamlError::Replayed);
}

}  // namespace
}  // namespace veilwire::saml
