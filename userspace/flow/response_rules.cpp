#include "userspace/flow/response_rules.h"

#include "userspace/policy/policy.h"

#include <algorithm>

namespace veilwire::flow {
namespace {

using EnginePtr = std::shared_ptr<const masking::Engine>;

// Some finding of somebody.
bool lets_answers_pass(const policy::Policy& policy) {
  return policy.default_response == policy::Action::Pass ||
         std::ranges::any_of(policy.actions, [](const policy::ActionRule& rule) {
           return rule.action == policy::Action::Pass && rule.direction != "request";
         });
}

EnginePtr knowing(const EnginePtr& engine,
                  const std::shared_ptr<const masking::KnownSecret>& credential) {
  return engine && credential ? masking::knowing(*engine, credential) : engine;
}

}  // namespace

ResponseRules response_rules(const std::shared_ptr<const Ruleset>& ruleset, std::string_view host,
                             const std::optional<identity::Person>& person,
                             const std::shared_ptr<const masking::KnownSecret>& credential) {
  const policy::Policy& policy = ruleset->policy();
  const identity::Person* who = person ? &*person : nullptr;
  ResponseRules rules{.ruleset = ruleset,
                      .engine = nullptr,
                      .record_engine = nullptr,
                      .record_apart = false,
                      .person = person,
                      .observes = policy::observes(policy, host, who)};
  if (rules.observes) {
    rules.engine = rules.record_engine = knowing(ruleset->record_engine(), credential);
    return rules;
  }
  rules.record_apart = lets_answers_pass(policy);
  const auto direction = policy::Direction::Response;
  const EnginePtr engine = ruleset->engine(direction, host, who);
  const EnginePtr record = ruleset->recording_engine(direction, host, who);
  if (!engine || !record) return rules;
  rules.engine = knowing(engine, credential);
  rules.record_engine = record == engine ? rules.engine : knowing(record, credential);
  return rules;
}

}  // namespace veilwire::flow
