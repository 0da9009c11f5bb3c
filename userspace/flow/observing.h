// What is said of an exchange that policy only observes: findings that went out as they came, and
// what would have ended it. Tested by tests/unit/flow/observe_test.cpp.
#pragma once

#include "userspace/audit/record.h"
#include "userspace/flow/refusal.h"
#include "userspace/policy/policy.h"

#include <string_view>
#include <vector>

namespace veilwire::flow {

// How many findings there are of either kind.
struct Observation {
  std::uint64_t observed = 0, masked = 0;
  const audit::MaskedSpan* block = nullptr;  // the first that would have blocked; among the masks
};

// Says of each mask what policy would have done; facts: without rule and category. What is the
// organisation's own credential is masked in either mode.
Observation mark_observed(std::vector<audit::MaskedSpan>& masks, const policy::Policy& policy,
                          policy::Facts facts);

audit::Observed would_block(policy::Direction direction, const audit::MaskedSpan& finding,
                            std::string_view answer);
audit::Observed would_refuse(policy::Direction direction, const Refusal& refusal,
                             std::string_view answer);

// Of what cannot be inspected: "pass" or "block", and what it would have been.
void set_action(audit::Gap& gap, bool passes, bool observes);

}  // namespace veilwire::flow
