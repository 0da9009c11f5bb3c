// The engine and the policy that the benchmarks of single parts use: the rule packs that are
// installed, all masking.
#pragma once

#include "userspace/flow/ruleset.h"
#include "userspace/masking/engine.h"
#include "userspace/masking/rule_pack.h"

#include <memory>
#include <string>
#include <vector>

namespace veilwire::bench {

// Both stop the process when the packs cannot be read or compiled.
std::vector<masking::RulePack> default_packs();
std::shared_ptr<const masking::Engine> default_engine();
std::shared_ptr<const flow::Ruleset> default_ruleset(
    std::size_t element_bytes = flow::ElementCache::kBytes);

// About that many bytes of prose in which nothing is found.
std::string clean_text(std::size_t bytes);

}  // namespace veilwire::bench
