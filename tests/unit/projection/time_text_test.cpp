#include "userspace/projection/time_text.h"

#include <limits>

#include <gtest/gtest.h>

namespace veilwire::projection {
namespace {

std::string at(std::int64_t ns) { return time_text({std::chrono::nanoseconds(ns)}); }

TEST(TimeText, IsAlwaysOfOneForm) {
  EXPECT_EQ(at(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(at(1'795'456'800'123'456'789), "2026-11-23T18:00:00.123456Z");
  EXPECT_EQ(at(951'827'696'000'000'000), "2000-02-29T12:34:56.000000Z");
  EXPECT_EQ(at(-1), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(at(std::numeric_limits<std::int64_t>::max()), "2262-04-11T23:47:16.854775Z");
  EXPECT_EQ(at(std::numeric_limits<std::int64_t>::min()), "1677-09-21T00:12:43.145224Z");
}

}  // namespace
}  // namespace veilwire::projection
