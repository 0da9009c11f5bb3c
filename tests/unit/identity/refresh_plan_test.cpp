#include "userspace/identity/refresh_plan.h"

#include "tests/unit/identity/idp_responses.h"
#include "userspace/base/limits.h"

#include <set>

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(RefreshPlan, RefreshesBetweenTheMiddleAndFourFifths) {
  EXPECT_EQ(refresh_at(at(seconds(100)), at(seconds(400)), 0), at(seconds(250)));
  EXPECT_LE(refresh_at(at(seconds(100)), at(seconds(400)), UINT32_MAX), at(seconds(340)));
  EXPECT_GT(refresh_at(at(seconds(100)), at(seconds(400)), UINT32_MAX), at(seconds(339)));
  EXPECT_EQ(refresh_at(at(seconds(400)), at(seconds(400)), 7), at(seconds(400)));
  EXPECT_EQ(refresh_at(at(seconds(400)), at(seconds(100)), 7), at(seconds(400)));
  const Monotonic long_life = refresh_at(at(seconds(0)), at(hours(24 * 365 * 100)), UINT32_MAX);
  EXPECT_GT(long_life, at(hours(24 * 365 * 79)));
}

TEST(RefreshPlan, SpreadsTwoThousandSessionsOfOneMoment) {
  // In no second of the ninety do more than a twentieth come.
  std::vector<int> seconds_of(400);
  std::uint32_t random = 1;
  for (int i = 0; i < 2000; ++i) {
    random = random * 1664525U + 1013904223U;
    const auto due = refresh_at(at(seconds(0)), at(seconds(300)), random).since_start;
    ++seconds_of[static_cast<std::size_t>(std::chrono::duration_cast<seconds>(due).count())];
  }
  for (const int count : seconds_of) EXPECT_LE(count, 100);
}

TEST(RefreshPlan, BacksOffTwiceAsLongEachTimeUpToABound) {
  EXPECT_EQ(retry_wait(1, 0), limits::kIdpRetryLeast / 2.0);
  EXPECT_EQ(retry_wait(3, 0), 4 * limits::kIdpRetryLeast / 2.0);
  nanoseconds last{0};
  for (const unsigned failures : {1U, 2U, 5U, 9U, 10U, 100U, UINT32_MAX}) {
    const nanoseconds least = retry_wait(failures, 0), most = retry_wait(failures, UINT32_MAX);
    EXPECT_GE(least, last / 2);
    EXPECT_LE(least, most);
    EXPECT_LE(most, limits::kIdpRetryMost);
    last = most;
  }
  EXPECT_GT(last, limits::kIdpRetryMost - seconds(1));
}

TEST(RefreshPlan, NeverComesBackBeforeItIsAskedTo) {
  for (const std::uint32_t random : {0U, 1U << 31U, UINT32_MAX})
    for (const unsigned failures : {1U, 4U, 50U}) {
      EXPECT_GE(retry_wait(failures, random, seconds(60)), seconds(60));
      EXPECT_LE(retry_wait(failures, random, hours(1000)), limits::kIdpRetryMost * 3 / 2);
      EXPECT_GE(retry_wait(failures, random, seconds(-5)), limits::kIdpRetryLeast / 2.0);
    }
  EXPECT_NE(retry_wait(1, 0, seconds(60)), retry_wait(1, UINT32_MAX, seconds(60)));
}

}  // namespace
}  // namespace veilwire::identity
