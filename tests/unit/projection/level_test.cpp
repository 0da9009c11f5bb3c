#include "userspace/projection/level.h"

#include <gtest/gtest.h>

namespace veilwire::projection {
namespace {

TEST(Level, IsSpelledInOneWay) {
  for (const Level level : {Level::Masked, Level::Metadata, Level::Findings})
    EXPECT_EQ(parse_level(to_string(level)), level);
  for (const char* text : {"", "Masked", "all", "metadata "}) EXPECT_FALSE(parse_level(text));
}

}  // namespace
}  // namespace veilwire::projection
