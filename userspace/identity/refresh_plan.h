// When to ask an IdP again. Pure, and with the randomness as an argument: two thousand sessions of
// one morning must not come back in one second. Tested by
// tests/unit/identity/refresh_plan_test.cpp.
#pragma once

#include "userspace/base/time.h"

#include <chrono>
#include <cstdint>
#include <optional>

namespace veilwire::identity {

// When to refresh what holds from `since` to `until`: somewhere from the middle to four fifths of
// its life, evenly by `random`, so that there is time left for retries. `since` where it is over.
Monotonic refresh_at(Monotonic since, Monotonic until, std::uint32_t random);

// How long to wait after so many failures in a row, 1 at least: doubled each time from
// limits::kIdpRetryLeast to kIdpRetryMost, of which `random` picks the upper half. Never below what
// the IdP asked for in Retry-After, behind which the wait is spread over half as much again.
std::chrono::nanoseconds retry_wait(unsigned failures, std::uint32_t random,
                                    std::optional<std::chrono::seconds> retry_after = {});

}  // namespace veilwire::identity
