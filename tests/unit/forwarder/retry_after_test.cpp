#include "agent/forwarder/retry_after.h"

#include <gtest/gtest.h>

namespace veilwire::forwarder {
namespace {

using std::chrono::seconds;

// Sun, 06 Nov 1994 08:49:37 GMT
constexpr WallTime kNow{seconds(784111777)};

TEST(RetryAfter, ReadsSeconds) {
  EXPECT_EQ(read_retry_after("0", kNow), seconds(0));
  EXPECT_EQ(read_retry_after("120", kNow), seconds(120));
  EXPECT_EQ(read_retry_after("99999999999999999999999", kNow), seconds(366 * 24 * 3600));
}

TEST(RetryAfter, ReadsADate) {
  EXPECT_EQ(read_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", kNow), seconds(0));
  EXPECT_EQ(read_retry_after("Sun, 06 Nov 1994 08:50:07 GMT", kNow), seconds(30));
  EXPECT_EQ(read_retry_after("Mon, 07 Nov 1994 08:49:37 GMT", kNow), seconds(86400));
  EXPECT_EQ(read_retry_after("Sat, 05 Nov 1994 08:49:37 GMT", kNow), seconds(0));
  EXPECT_EQ(read_retry_after("Fri, 01 Jan 2100 00:00:00 GMT", kNow), seconds(366 * 24 * 3600));
}

TEST(RetryAfter, IsNothingWhereItIsNeither) {
  for (const char* text : {"", "-1", "+1", "1.5", "soon", "1, 2", "Sun, 06 Nov 1994 08:49:37 UTC",
                           "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 9994 08:49:37 GMT",
                           "Sun, 06 Nov 1994 24:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                           "Sun, 06 Nov 19-4 08:49:37 GMT"})
    EXPECT_EQ(read_retry_after(text, kNow), std::nullopt) << text;
}

}  // namespace
}  // namespace veilwire::forwarder
