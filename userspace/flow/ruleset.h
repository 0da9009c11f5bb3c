// A policy with its rule packs, compiled: what decides from the next event on. Immutable and shared
// by every connection; a changed policy is a new Ruleset. Tested by
// tests/unit/flow/ruleset_test.cpp.
#pragma once

#include "userspace/audit/redact.h"
#include "userspace/base/result.h"
#include "userspace/base/secret.h"
#include "userspace/flow/element_cache.h"
#include "userspace/identity/person.h"
#include "userspace/masking/engine.h"
#include "userspace/masking/rule_pack.h"
#include "userspace/policy/policy.h"
#include "userspace/sealing/auditors.h"

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::flow {

class Ruleset {
 public:
  // Compiles at once what an unknown person would be judged by, so that a rule that cannot be
  // compiled is refused when the policy is loaded. The error names the rule and says what to do.
  static Result<std::shared_ptr<const Ruleset>, std::string> build(
      policy::Policy policy, std::vector<masking::RulePack> packs, Secret site_key,
      std::size_t element_bytes = ElementCache::kBytes,
      std::shared_ptr<const sealing::Auditors> auditors = nullptr);

  const policy::Policy& policy() const { return policy_; }
  // Whom originals are sealed for; nullptr where policy names none.
  const std::shared_ptr<const sealing::Auditors>& auditors() const { return auditors_; }

  // The engine for one direction, host and person. Persons whom the policy treats alike share one;
  // a treatment that has not been met yet is compiled here, once (milliseconds). nullptr only when
  // that fails, which build() has excluded for every rule on its own: the caller treats it as a
  // malformed body, never as a pass.
  std::shared_ptr<const masking::Engine> engine(policy::Direction direction, std::string_view host,
                                                const identity::Person* person) const;

  // Of the same, what the record is masked by: what passes is masked there. The same engine where
  // nothing passes.
  std::shared_ptr<const masking::Engine> recording_engine(policy::Direction direction,
                                                          std::string_view host,
                                                          const identity::Person* person) const;

  // Finds nothing: of what an observed request was read by.
  const std::shared_ptr<const masking::Engine>& passing_engine() const { return passing_engine_; }

  // Masks every rule, whatever the policy does with it on the wire: for what only the record sees,
  // and where policy only observes. Never nullptr.
  const std::shared_ptr<const masking::Engine>& record_engine() const { return record_engine_; }

  // What was made of the elements of earlier requests under this policy.
  ElementCache& elements() const { return elements_; }

  // Credentials become keyed digests, the same that findings have: for what only the record sees.
  void redact(audit::Fields& fields) const { audit::redact_fields(fields, site_key_); }
  std::string redact_value(std::string_view credential) const {
    return audit::redacted(credential, site_key_);
  }
  std::string redact_target(std::string_view target) const {
    return audit::redact_target(target, site_key_);
  }

 private:
  Ruleset(policy::Policy policy, std::vector<masking::RulePack> packs, Secret site_key,
          std::size_t element_bytes, std::shared_ptr<const sealing::Auditors> auditors);
  using Treatments = std::string;  // one character a rule: the key under which an engine is shared
  Treatments treatments(policy::Direction direction, std::string_view host,
                        const identity::Person* person) const;
  Result<std::shared_ptr<const masking::Engine>, masking::EngineError> compile(
      const Treatments& treatments) const;
  std::shared_ptr<const masking::Engine> shared(const Treatments& treatments) const;

  policy::Policy policy_;
  std::vector<masking::RulePack> packs_;
  Secret site_key_;
  std::shared_ptr<const sealing::Auditors> auditors_;
  std::shared_ptr<const masking::Engine> record_engine_, passing_engine_;
  mutable ElementCache elements_;
  mutable std::mutex mutex_;
  mutable std::map<Treatments, std::shared_ptr<const masking::Engine>> engines_;
};

}  // namespace veilwire::flow
