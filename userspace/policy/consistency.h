// Whether a policy and its rule packs speak of the same things: an action for a rule or category
// that no pack has would silently never apply. Tested by tests/unit/policy/consistency_test.cpp.
#pragma once

#include "userspace/masking/rule_pack.h"
#include "userspace/policy/policy.h"

#include <span>
#include <vector>

namespace veilwire::policy {

// One error for each [[action]] that names what no pack has, and for each rule that two packs
// define.
std::vector<PolicyError> check_rules(const Policy& policy,
                                     std::span<const masking::RulePack> packs);

}  // namespace veilwire::policy
