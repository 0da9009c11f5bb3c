#include "userspace/identity/refresh_plan.h"

#include "userspace/base/limits.h"

#include <algorithm>

namespace veilwire::identity {
namespace {

using std::chrono::nanoseconds;

// The part of `span` that `random` is of 2^32.
nanoseconds share(nanoseconds span, std::uint32_t random) {
  const auto count = static_cast<std::uint64_t>(std::max(span, nanoseconds(0)).count());
  return nanoseconds(
      static_cast<std::int64_t>((count >> 32U) * random + ((count & UINT32_MAX) * random >> 32U)));
}

}  // namespace

Monotonic refresh_at(Monotonic since, Monotonic until, std::uint32_t random) {
  if (until <= since) return since;
  const nanoseconds life = until - since;
  return since + life / 2 + share(life / 10 * 3, random);
}

nanoseconds retry_wait(unsigned failures, std::uint32_t random,
                       std::optional<std::chrono::seconds> retry_after) {
  nanoseconds wait = limits::kIdpRetryLeast;
  for (unsigned i = 1; i < failures && wait < limits::kIdpRetryMost; ++i) wait *= 2;
  wait = std::min<nanoseconds>(wait, limits::kIdpRetryMost);
  wait = wait / 2 + share(wait / 2, random);
  if (!retry_after) return wait;
  const nanoseconds asked =
      std::clamp(*retry_after, std::chrono::seconds(0), limits::kIdpRetryMost);
  return std::max(wait, asked + share(asked / 2, random));
}

}  // namespace veilwire::identity
