#include "userspace/flow/request_time.h"

#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

using namespace std::chrono_literals;

constexpr Monotonic at(std::chrono::seconds s) { return {s}; }

TEST(RequestTime, NothingIsAwaitedBetweenRequests) {
  RequestTime time;
  EXPECT_EQ(time.deadline(), std::nullopt);
  time.read(1, at(5s));
  time.stop();
  EXPECT_EQ(time.deadline(), std::nullopt);
}

TEST(RequestTime, AHeadThatDripsGetsNoMoreTimeForIt) {
  RequestTime time;
  time.read(1, at(5s));
  time.read(1, at(60s));
  EXPECT_EQ(time.deadline(), at(5s) + limits::kRequestHeadTime);
}

TEST(RequestTime, ABodyMayTakeItsTimeButNotBeSilent) {
  RequestTime time;
  time.read(std::size_t{100} << 20, at(5s));
  time.head_is_whole();
  EXPECT_EQ(time.deadline(), at(5s) + limits::kRequestHeadTime);
  time.read(1, at(50s));
  EXPECT_EQ(time.deadline(), at(50s) + limits::kRequestHeadTime);
}

TEST(RequestTime, ABodyThatDripsIsNotWaitedForForever) {
  RequestTime time;
  time.read(10 * limits::kRequestRate, at(5s));
  time.head_is_whole();
  time.read(1, at(64s));
  EXPECT_EQ(time.deadline(), at(15s) + limits::kRequestHeadTime);
}

TEST(RequestTime, OurOwnPauseDoesNotCount) {
  RequestTime time;
  time.read(1, at(5s));
  time.head_is_whole();
  time.restart(at(100s));
  EXPECT_EQ(time.deadline(), at(100s) + limits::kRequestHeadTime);
}

TEST(RequestTime, TheNextRequestStartsAfresh) {
  RequestTime time;
  time.read(std::size_t{1} << 20, at(5s));
  time.head_is_whole();
  time.stop();
  time.read(1, at(500s));
  EXPECT_EQ(time.deadline(), at(500s) + limits::kRequestHeadTime);
}

}  // namespace
}  // namespace veilwire::flow
