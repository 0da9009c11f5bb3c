// When to ask an IdP again, and how long its last answer holds. Pure, and with the randomness as an
// argument: two thousand sessions of one morning must not come back in one second. Tested by
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

// What an answer of the IdP is worth at some time.
enum class Standing : std::uint8_t {
  Fresh,   // within the time that it was given for
  Cached,  // behind that, but no older than allowed: the record says so
  Stale,   // policy decides without it
};

// An answer of `confirmed`, good until `fresh_until`, while the IdP does not give another.
// `most_age`: the stated age, counted from `confirmed`.
Standing standing(Monotonic confirmed, Monotonic fresh_until, std::chrono::nanoseconds most_age,
                  Monotonic now);

}  // namespace veilwire::identity
