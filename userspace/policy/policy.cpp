#include "userspace/policy/policy.h"

#include "userspace/base/ascii.h"

#include <algorithm>

namespace veilwire::policy {
namespace {

bool belongs(const identity::Person* person, std::string_view group) {
  if (person == nullptr) return false;
  return std::find(person->groups.begin(), person->groups.end(), group) != person->groups.end();
}

bool holds(const ActionRule& rule, const Facts& facts) {
  if (!rule.rule.empty() && rule.rule != facts.rule) return false;
  if (!rule.category.empty() && rule.category != facts.category) return false;
  if (!rule.direction.empty() && rule.direction != to_string(facts.direction)) return false;
  if (!rule.host.empty() && !covers(rule.host, facts.host)) return false;
  return rule.group.empty() || belongs(facts.person, rule.group);
}

bool is_model(std::string_view pattern, std::string_view model) {
  if (!pattern.ends_with('*')) return pattern == model;
  pattern.remove_suffix(1);
  return model.starts_with(pattern);
}

}  // namespace

std::string to_string(const PolicyError& error) {
  std::string s = error.file;
  if (error.line != 0) s += ":" + std::to_string(error.line) + ":" + std::to_string(error.column);
  return s + ": " + error.message;
}

bool reads_port(const Policy& policy, std::uint16_t port) {
  return std::find(policy.ports.begin(), policy.ports.end(), port) != policy.ports.end();
}

bool covers(std::string_view pattern, std::string_view name) {
  // "api.example.com." is the same name written absolutely; some clients send it so.
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  if (!pattern.starts_with("*.")) return !name.empty() && equal_ignoring_case(pattern, name);
  const std::size_t dot = name.find('.');
  return dot != std::string_view::npos && dot != 0 &&
         equal_ignoring_case(pattern.substr(1), name.substr(dot));
}

const Host* find_host(const Policy& policy, std::string_view server_name) {
  const Host* found = nullptr;
  for (const Host& host : policy.hosts) {
    if (!covers(host.name, server_name)) continue;
    if (!host.name.starts_with("*.")) return &host;
    found = &host;
  }
  return found;
}

const HostCredential* find_credential(const Host& host, const identity::Person* person) {
  if (person == nullptr) return nullptr;
  const auto found = std::find_if(
      host.credentials.begin(), host.credentials.end(), [person](const HostCredential& credential) {
        return credential.group.empty() || belongs(person, credential.group);
      });
  return found == host.credentials.end() ? nullptr : &*found;
}

Action decide(const Policy& policy, const Facts& facts) {
  for (const ActionRule& rule : policy.actions)
    if (holds(rule, facts)) return rule.action;
  return facts.direction == Direction::Request ? policy.default_request : policy.default_response;
}

Monotonic stale_until(const Policy& policy, std::string_view host, const identity::Person& person) {
  for (const StaleRule& rule : policy.stale)
    if ((rule.host.empty() || covers(rule.host, host)) &&
        (rule.group.empty() || belongs(&person, rule.group)))
      return rule.max_age == rule.max_age.zero() ? Monotonic{} : person.confirmed_at + rule.max_age;
  return {};
}

bool observes(const Policy& policy, std::string_view host, const identity::Person* person) {
  for (const ScopeRule& rule : policy.scopes)
    if ((rule.host.empty() || covers(rule.host, host)) &&
        (rule.group.empty() || belongs(person, rule.group)))
      return rule.mode == Mode::Observe;
  return policy.mode == Mode::Observe;
}

std::string_view observed_extent(const Policy& policy) {
  const auto other = std::any_of(policy.scopes.begin(), policy.scopes.end(),
                                 [&](const ScopeRule& rule) { return rule.mode != policy.mode; });
  if (other) return "observe in part";
  return policy.mode == Mode::Observe ? "observe" : "";
}

Keep originals_of(const Policy& policy, const OriginalFacts& facts) {
  for (const OriginalRule& rule : policy.originals) {
    if (!rule.host.empty() && !covers(rule.host, facts.host)) continue;
    if (!rule.group.empty() && !belongs(facts.person, rule.group)) continue;
    if (!rule.model.empty() &&
        !(facts.model ? is_model(rule.model, *facts.model) : rule.keep != Keep::None))
      continue;
    return rule.keep;
  }
  return Keep::None;
}

bool keeps(Keep keep, Direction direction) {
  return keep == Keep::Both ||
         keep == (direction == Direction::Request ? Keep::Request : Keep::Response);
}

std::string_view to_string(Service service) {
  switch (service) {
    case Service::Anthropic:
      return "anthropic";
    case Service::Mcp:
      return "mcp";
    case Service::Generic:
      return "generic";
  }
  return "unknown";
}

std::string_view to_string(Direction direction) {
  switch (direction) {
    case Direction::Request:
      return "request";
    case Direction::Response:
      return "response";
  }
  return "unknown";
}

std::string_view to_string(Action action) {
  switch (action) {
    case Action::Pass:
      return "pass";
    case Action::Mask:
      return "mask";
    case Action::Block:
      return "block";
  }
  return "unknown";
}

std::string_view to_string(Mode mode) {
  switch (mode) {
    case Mode::Enforce:
      return "enforce";
    case Mode::Observe:
      return "observe";
  }
  return "unknown";
}

std::string_view to_string(Uninspected what) {
  switch (what) {
    case Uninspected::UnknownCoding:
      return "unknown_coding";
    case Uninspected::OverLimit:
      return "over_limit";
    case Uninspected::NotText:
      return "not_text";
    case Uninspected::Upgrade:
      return "upgrade";
    case Uninspected::NoServerName:
      return "no_server_name";
    case Uninspected::NotTls:
      return "not_tls";
    case Uninspected::Malformed:
      return "malformed";
  }
  return "unknown";
}

std::string_view to_string(RecordStrength strength) {
  switch (strength) {
    case RecordStrength::Handed:
      return "handed";
    case RecordStrength::Committed:
      return "committed";
  }
  return "unknown";
}

std::string_view to_string(Keep keep) {
  switch (keep) {
    case Keep::None:
      return "none";
    case Keep::Request:
      return "request";
    case Keep::Response:
      return "response";
    case Keep::Both:
      return "both";
  }
  return "unknown";
}

}  // namespace veilwire::policy
