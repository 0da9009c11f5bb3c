#include "agent/host/log.h"

#include "agent/host/limited_log.h"

#include <stdexcept>

#include <gtest/gtest.h>

namespace veilwire::host::log {
namespace {

TEST(Log, QuotesWhatCouldDriveATerminalOrForgeALine) {
  EXPECT_EQ(printable("a\nb\x1b[2J\xff"), "a\\x0ab\\x1b[2J\\xff");
  EXPECT_EQ(printable(std::string(300, 'x')).size(), 259U);
}

TEST(Log, RefusesALevelThatDoesNotExist) {
  EXPECT_THROW(start("test", "loud"), std::invalid_argument);
}

TEST(Log, ALimitedOneSaysOneLineInATimeAndHowManyWereLeftOut) {
  start("limited", "info");
  LimitedLog log(std::chrono::seconds(5));
  const auto at = [](int seconds) { return Monotonic{std::chrono::seconds(seconds)}; };
  ::testing::internal::CaptureStderr();
  log.warning("first", at(100));
  log.warning("second", at(101));
  log.warning("third", at(104));
  log.warning("fourth", at(105));
  log.warning("fifth", at(200));
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("first\n"), said.npos) << said;
  EXPECT_EQ(said.find("second"), said.npos) << said;
  EXPECT_EQ(said.find("third"), said.npos) << said;
  EXPECT_NE(said.find("fourth (and 2 such lines left out)\n"), said.npos) << said;
  EXPECT_NE(said.find("fifth\n"), said.npos) << said;
}

}  // namespace
}  // namespace veilwire::host::log
