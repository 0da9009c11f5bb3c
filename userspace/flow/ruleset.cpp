#include "userspace/flow/ruleset.h"

#include "userspace/crypto/hash.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace veilwire::flow {
namespace {

char letter(policy::Action action) {
  switch (action) {
    case policy::Action::Pass:
      return 'p';
    case policy::Action::Mask:
      return 'm';
    case policy::Action::Block:
      return 'b';
  }
  return 'b';
}

masking::Treatment treatment(char c) {
  switch (c) {
    case 'p':
      return masking::Treatment::Ignore;
    case 'm':
      return masking::Treatment::Mask;
    default:
      return masking::Treatment::Block;
  }
}

}  // namespace

Ruleset::Ruleset(policy::Policy policy, std::vector<masking::RulePack> packs, Secret site_key,
                 std::size_t element_bytes, std::shared_ptr<const sealing::Auditors> auditors)
    : policy_(std::move(policy)),
      packs_(std::move(packs)),
      site_key_(std::move(site_key)),
      auditors_(std::move(auditors)),
      elements_(crypto::hmac_sha256(site_key_.reveal(), "elements of requests"), element_bytes) {}

Result<std::shared_ptr<const Ruleset>, std::string> Ruleset::build(
    policy::Policy policy, std::vector<masking::RulePack> packs, Secret site_key,
    std::size_t element_bytes, std::shared_ptr<const sealing::Auditors> auditors) {
  std::shared_ptr<Ruleset> ruleset(new Ruleset(std::move(policy), std::move(packs),
                                               std::move(site_key), element_bytes,
                                               std::move(auditors)));
  // Every rule at once: whatever a treatment leaves out later, what is left has been compiled here.
  std::size_t rules = 0;
  for (const masking::RulePack& pack : ruleset->packs_) rules += pack.rules.size();
  auto all = ruleset->compile(Treatments(rules, 'm'));
  if (!all) return Unexpected{"rule " + all.error().rule + ": " + all.error().message};
  ruleset->record_engine_ = std::move(all).value();
  ruleset->engines_.emplace(Treatments(rules, 'm'), ruleset->record_engine_);
  auto none = ruleset->compile(Treatments(rules, 'p'));
  if (!none) return Unexpected{"rule " + none.error().rule + ": " + none.error().message};
  ruleset->passing_engine_ = std::move(none).value();
  ruleset->engines_.emplace(Treatments(rules, 'p'), ruleset->passing_engine_);
  for (const auto direction : {policy::Direction::Request, policy::Direction::Response})
    (void)ruleset->engine(direction, "", nullptr);
  return std::shared_ptr<const Ruleset>(std::move(ruleset));
}

Ruleset::Treatments Ruleset::treatments(policy::Direction direction, std::string_view host,
                                        const identity::Person* person) const {
  Treatments result;
  for (const masking::RulePack& pack : packs_) {
    for (const masking::Rule& rule : pack.rules)
      result += letter(policy::decide(policy_, {.direction = direction,
                                                .host = host,
                                                .person = person,
                                                .rule = rule.id,
                                                .category = rule.category}));
  }
  return result;
}

Result<std::shared_ptr<const masking::Engine>, masking::EngineError> Ruleset::compile(
    const Treatments& treatments) const {
  std::map<const masking::Rule*, masking::Treatment> chosen;
  std::size_t index = 0;
  for (const masking::RulePack& pack : packs_) {
    for (const masking::Rule& rule : pack.rules)
      chosen.emplace(&rule, treatment(treatments[index++]));
  }
  return masking::compile(
      packs_, [&chosen](const masking::Rule& rule) { return chosen.at(&rule); }, site_key_);
}

std::shared_ptr<const masking::Engine> Ruleset::engine(policy::Direction direction,
                                                       std::string_view host,
                                                       const identity::Person* person) const {
  return shared(treatments(direction, host, person));
}

std::shared_ptr<const masking::Engine> Ruleset::recording_engine(
    policy::Direction direction, std::string_view host, const identity::Person* person) const {
  Treatments key = treatments(direction, host, person);
  std::ranges::replace(key, 'p', 'm');
  return shared(key);
}

std::shared_ptr<const masking::Engine> Ruleset::shared(const Treatments& key) const {
  const std::lock_guard lock(mutex_);
  if (const auto found = engines_.find(key); found != engines_.end()) return found->second;
  auto compiled = compile(key);
  if (!compiled) return nullptr;
  return engines_.emplace(key, std::move(compiled).value()).first->second;
}

}  // namespace veilwire::flow
