// Tries the rules of a pack on the examples that stand beside them, with the engine that the proxy
// runs. Tested by tests/unit/ctl/rule_trial_test.cpp.
#pragma once

#include "userspace/masking/engine.h"
#include "userspace/masking/rule_pack.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::ctl {

struct TrialFailure {
  std::string rule;
  std::string message;
};

struct TrialResult {
  std::size_t rules = 0;
  std::size_t positive = 0, negative = 0;  // examples
  std::size_t cuts = 0;  // ways of cutting an example that were compared with the whole
  std::vector<std::string> without_examples;  // rules
  std::vector<TrialFailure> failures;
};

// `all` is the engine of all rules of the policy. Each example is searched by its rule alone:
// positive ones must be found, negative ones must not. Then it is masked by all rules together,
// whole and in pieces; the result must be the same.
TrialResult try_rules(const masking::RulePack& pack,
                      const std::shared_ptr<const masking::Engine>& all);

// The text as a stream that arrives in these pieces comes out.
std::string mask_pieces(const std::shared_ptr<const masking::Engine>& engine,
                        const std::vector<std::string_view>& pieces);

}  // namespace veilwire::ctl
