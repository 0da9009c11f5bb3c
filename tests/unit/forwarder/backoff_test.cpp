#include "agent/forwarder/backoff.h"

#include <chrono>
#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

namespace veilwire::forwarder {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Backoff::Settings kSettings{.first = milliseconds(1000),
                                      .longest = milliseconds(8000),
                                      .longest_asked = milliseconds(60'000)};

TEST(Backoff, DoublesUpToItsBoundAndBeginsAnewAfterSuccess) {
  Backoff backoff(kSettings, [] { return 0U; });
  for (const int expected : {1000, 2000, 4000, 8000, 8000, 8000})
    EXPECT_EQ(backoff.failed(), milliseconds(expected));
  backoff.succeeded();
  EXPECT_EQ(backoff.failed(), milliseconds(1000));
}

TEST(Backoff, ChanceTakesAwayAtMostHalf) {
  for (std::uint32_t random = 0; random < 100'000; random += 7) {
    Backoff backoff(kSettings, [random] { return random; });
    const auto wait = backoff.failed();
    EXPECT_GE(wait, milliseconds(500));
    EXPECT_LE(wait, milliseconds(1000));
  }
}

TEST(Backoff, WhatADestinationAsksForIsKeptWithinReason) {
  Backoff backoff(kSettings, [] { return 0U; });
  EXPECT_EQ(backoff.failed(seconds(30)), milliseconds(30'000));
  EXPECT_EQ(backoff.failed(seconds(0)), milliseconds(2000));
  EXPECT_EQ(backoff.failed(seconds(-5)), milliseconds(4000));
  EXPECT_EQ(backoff.failed(seconds(std::numeric_limits<seconds::rep>::max())),
            milliseconds(60'000));
}

}  // namespace
}  // namespace veilwire::forwarder
