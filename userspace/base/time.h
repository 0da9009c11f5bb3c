// The two clocks, as values. Nothing in userspace/ reads a clock: time is an argument.
#pragma once

#include <chrono>

namespace veilwire {

// CLOCK_MONOTONIC, nanoseconds since an arbitrary start: for deadlines and durations.
struct Monotonic {
  std::chrono::nanoseconds since_start{0};
  // clang-tidy 14 takes the defaulted operator for a literal 0.
  // NOLINTNEXTLINE(modernize-use-nullptr)
  friend auto operator<=>(const Monotonic&, const Monotonic&) = default;
  friend Monotonic operator+(Monotonic t, std::chrono::nanoseconds d) {
    return {t.since_start + d};
  }
  friend std::chrono::nanoseconds operator-(Monotonic a, Monotonic b) {
    return a.since_start - b.since_start;
  }
};

// CLOCK_REALTIME, nanoseconds since 1970 UTC: for records, and against dates that others wrote into
// tokens and certificates. It may jump.
struct WallTime {
  std::chrono::nanoseconds since_epoch{0};
  // clang-tidy 14 takes the defaulted operator for a literal 0.
  // NOLINTNEXTLINE(modernize-use-nullptr)
  friend auto operator<=>(const WallTime&, const WallTime&) = default;
};

struct Now {
  Monotonic mono;
  WallTime wall;
};

}  // namespace veilwire
