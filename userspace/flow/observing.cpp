#include "userspace/flow/observing.h"

#include "userspace/masking/known_secret.h"

#include <string>

namespace veilwire::flow {

Observation mark_observed(std::vector<audit::MaskedSpan>& masks, const policy::Policy& policy,
                          policy::Facts facts) {
  Observation out;
  for (audit::MaskedSpan& mask : masks) {
    if (mask.rule == masking::kKnownSecretRule) {
      ++out.masked;
      continue;
    }
    facts.rule = mask.rule;
    facts.category = mask.category;
    const policy::Action action = policy::decide(policy, facts);
    if (action == policy::Action::Pass) {
      mask.action = policy::to_string(action);
      continue;
    }
    mask.action = "observed";
    mask.would = policy::to_string(action);
    ++out.observed;
    if (action == policy::Action::Block && out.block == nullptr) out.block = &mask;
  }
  return out;
}

audit::Observed would_block(policy::Direction direction, const audit::MaskedSpan& finding,
                            std::string_view answer) {
  const bool request = direction == policy::Direction::Request;
  const Refusal refusal =
      request ? refusal::blocked_request(finding) : refusal::blocked_answer(finding);
  audit::Observed out = would_refuse(direction, refusal, answer);
  out.rule = finding.rule;
  out.category = finding.category;
  out.digest = finding.digest;
  return out;
}

audit::Observed would_refuse(policy::Direction direction, const Refusal& refusal,
                             std::string_view answer) {
  return {.direction = std::string(policy::to_string(direction)),
          .outcome = refusal.outcome,
          .rule = {},
          .category = {},
          .digest = {},
          .reason = refusal.message,
          .answer = std::string(answer)};
}

void set_action(audit::Gap& gap, bool passes, bool observes) {
  gap.action = passes || observes ? "pass" : "block";
  gap.would = observes && !passes ? "block" : "";
}

}  // namespace veilwire::flow
