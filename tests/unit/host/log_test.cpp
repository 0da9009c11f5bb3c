#include "agent/host/log.h"

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

}  // namespace
}  // namespace veilwire::host::log
