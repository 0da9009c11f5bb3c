// From a policy file to a Policy. Strict: a key that is not known, a value of another type, a name
// that cannot be a host or an action that can never apply is refused, with its line and column and
// with what is allowed instead. Tested by tests/unit/policy/parse_test.cpp.
#include "userspace/base/limits.h"
#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"
#include "userspace/policy/policy.h"
#include "userspace/policy/strict_reader.h"
#include "userspace/sealing/format.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>

namespace veilwire::policy {
namespace {

// What is wrong with a host name, or nothing. RFC 1123 section 2.1 and RFC 6066 section 3: what can
// stand in SNI.
std::optional<std::string> refused_host(std::string_view name) {
  if (name.find("://") != std::string_view::npos || name.find('/') != std::string_view::npos)
    return "a host is a name without scheme or path, such as \"api.anthropic.com\"";
  if (name.find(':') != std::string_view::npos)
    return "a host is a name without a port; ports are listed once, as ports = [443]";
  if (std::any_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; }))
    return "write host names in lower case";
  if (name.ends_with('.')) return "write host names without the final dot";
  std::string_view labels = name;
  const bool wildcard = labels.starts_with("*.");
  if (wildcard) labels.remove_prefix(2);
  if (labels.find('*') != std::string_view::npos)
    return "a wildcard stands for exactly the first label: \"*.example.com\"";
  if (name.size() > 253) return "a host name has at most 253 characters";
  std::size_t count = 0;
  bool numeric = false;
  while (true) {
    const std::size_t dot = labels.find('.');
    const std::string_view label = labels.substr(0, dot);
    if (label.empty() || label.size() > 63) return "a label of a host name has 1 to 63 characters";
    const bool letters = std::all_of(label.begin(), label.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    });
    if (!letters)
      return "a host name has the letters a to z, digits, '-' and '_'; write an international name "
             "in its xn-- form";
    if (label.front() == '-' || label.back() == '-')
      return "a label of a host name neither begins nor ends with '-'";
    numeric = std::all_of(label.begin(), label.end(), [](char c) { return c >= '0' && c <= '9'; });
    ++count;
    if (dot == std::string_view::npos) break;
    labels.remove_prefix(dot + 1);
  }
  if (numeric)
    return "an address is no host name: TLS clients name the host they want, and that name is "
           "matched";
  if (wildcard && count < 2)
    return "a wildcard over a whole top-level domain would intercept strangers";
  return std::nullopt;
}

// One spelling for rule ids and categories, so that a typing error cannot hide in white space or
// case.
bool is_word(std::string_view word) {
  return !word.empty() && word.size() <= 128 && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

constexpr std::pair<std::string_view, Action> kActions[] = {
    {"pass", Action::Pass}, {"mask", Action::Mask}, {"block", Action::Block}};
// What was not looked into has nothing that could be masked.
constexpr std::pair<std::string_view, Mode> kModes[] = {{"enforce", Mode::Enforce},
                                                        {"observe", Mode::Observe}};
constexpr std::pair<std::string_view, Action> kUninspectedActions[] = {{"pass", Action::Pass},
                                                                       {"block", Action::Block}};

void read_ports(StrictReader& root, Errors& errors, Policy& policy) {
  const Value* list = root.of_kind("ports", Value::Kind::Array);
  if (list == nullptr) return;
  policy.ports.clear();
  for (const Value& item : list->items) {
    if (item.kind != Value::Kind::Integer || item.number < 1 || item.number > 65535) {
      errors.add(item.place, "a port is a whole number from 1 to 65535");
      continue;
    }
    const auto port = static_cast<std::uint16_t>(item.number);
    if (std::find(policy.ports.begin(), policy.ports.end(), port) != policy.ports.end())
      errors.add(item.place, "port " + std::to_string(port) + " stands in the list twice");
    policy.ports.push_back(port);
  }
  if (list->items.empty())
    errors.add(list->place, "ports is empty: then nothing would be intercepted");
}

// The name of a field (RFC 9110, 5.1), in lower case, that does not say where a message ends or how
// a connection goes on.
bool is_credential_field(std::string_view name) {
  static constexpr std::string_view kFraming[] = {
      "connection", "content-encoding", "content-length",    "expect", "host", "keep-alive",
      "te",         "trailer",          "transfer-encoding", "upgrade"};
  return is_word(name) &&
         std::find(std::begin(kFraming), std::end(kFraming), name) == std::end(kFraming);
}

void read_credential(const Value& entry, Errors& errors, Host& host) {
  StrictReader reader(entry, "[[host.credential]]", errors);
  reader.require("use", "the name of a credential, as agent.toml has it");
  HostCredential credential;
  if (auto use = reader.text("use")) {
    if (!is_word(*use) || use->size() > limits::kCredentialName)
      errors.add(reader.place_of("use"), "use is one word of a to z, 0 to 9, '-' and '_'");
    credential.use = *std::move(use);
  }
  if (auto group = reader.text("group")) credential.group = *std::move(group);
  reader.close();
  const auto shadow =
      std::find_if(host.credentials.begin(), host.credentials.end(), [&](const auto& earlier) {
        return earlier.group.empty() || earlier.group == credential.group;
      });
  if (shadow != host.credentials.end())
    errors.add(reader.place(),
               "[[host.credential]] is never reached: an earlier one matches all "
               "that this one does");
  host.credentials.push_back(std::move(credential));
}

void read_credentials(StrictReader& reader, Errors& errors, Host& host) {
  for (const Value* entry : reader.tables("credential")) read_credential(*entry, errors, host);
  static constexpr std::string_view kOnlyWith[] = {"credential_as", "credential_required",
                                                   "credential_drops"};
  if (host.credentials.empty()) {
    for (const std::string_view key : kOnlyWith)
      if (reader.any(key) != nullptr)
        errors.add(reader.place_of(key),
                   std::string(key) + " without a [[host.credential]] says nothing");
    return;
  }
  const bool anthropic = host.speaks == Service::Anthropic;
  const std::string as = reader.text("credential_as").value_or(anthropic ? "x-api-key" : "bearer");
  host.credential_bearer = as == "bearer";
  host.credential_field = host.credential_bearer ? "authorization" : as;
  if (!is_credential_field(host.credential_field))
    errors.add(reader.place_of("credential_as"),
               "credential_as is \"bearer\", \"x-api-key\" or another field in lower case");
  if (const Value* required = reader.of_kind("credential_required", Value::Kind::Boolean))
    host.credential_required = required->number != 0;
  for (const Value* field : reader.texts("credential_drops")) {
    if (!is_credential_field(field->text))
      errors.add(field->place, "credential_drops lists fields in lower case, such as \"cookie\"");
    host.drops.push_back(field->text);
  }
}

void read_hosts(StrictReader& root, Errors& errors, Policy& policy) {
  std::vector<Place> places;
  for (const Value* entry : root.tables("host")) {
    StrictReader reader(*entry, "[[host]]", errors);
    Host host;
    reader.require("name", "which host is intercepted, such as \"api.anthropic.com\"");
    reader.require("speaks", "what the host speaks: \"anthropic\", \"mcp\" or \"generic\"");
    if (auto name = reader.text("name")) {
      if (auto why = refused_host(*name)) {
        errors.add(reader.place_of("name"), "\"" + *name + "\" is no host: " + *why);
      } else {
        const auto twin = std::find_if(policy.hosts.begin(), policy.hosts.end(),
                                       [&](const Host& other) { return other.name == *name; });
        if (twin != policy.hosts.end()) {
          const auto index = static_cast<std::size_t>(twin - policy.hosts.begin());
          errors.add(reader.place_of("name"), "host \"" + *name + "\" is already listed in line " +
                                                  std::to_string(places[index].line));
        }
        host.name = *std::move(name);
      }
    }
    if (auto speaks = reader.choice<Service>("speaks", {{"anthropic", Service::Anthropic},
                                                        {"mcp", Service::Mcp},
                                                        {"generic", Service::Generic}}))
      host.speaks = *speaks;
    read_credentials(reader, errors, host);
    reader.close();
    if (!host.name.empty()) {
      places.push_back(reader.place_of("name"));
      policy.hosts.push_back(std::move(host));
    }
  }
  if (!root.has("host"))
    errors.add(
        {1, 1},
        "no [[host]]: nothing would be intercepted. Add name = \"api.anthropic.com\" and speaks = "
        "\"anthropic\" below a [[host]]");
}

void read_rule_packs(StrictReader& root, Errors& errors, Policy& policy) {
  const Value* table = root.table("rules");
  if (table == nullptr) return;
  StrictReader reader(*table, "[rules]", errors);
  for (const Value* pack : reader.texts("packs")) {
    if (std::find(policy.rule_packs.begin(), policy.rule_packs.end(), pack->text) !=
        policy.rule_packs.end())
      errors.add(pack->place, "rule pack \"" + pack->text + "\" stands in the list twice");
    else if (pack->text.find('\0') != std::string::npos)
      errors.add(pack->place, "a path holds no zero byte");
    else
      policy.rule_packs.push_back(pack->text);
  }
  reader.close();
}

bool wider(const std::string& a, const std::string& b) { return a.empty() || a == b; }

// Whether all that `later` matches is matched by `earlier` too.
template <class Rule>
bool shadows_where(const Rule& earlier, const Rule& later) {
  return wider(earlier.group, later.group) &&
         (wider(earlier.host, later.host) ||
          (!later.host.empty() && !later.host.starts_with("*.") &&
           covers(earlier.host, later.host)));
}
bool shadows(const StaleRule& earlier, const StaleRule& later) {
  return shadows_where(earlier, later);
}
bool shadows(const ScopeRule& earlier, const ScopeRule& later) {
  return shadows_where(earlier, later);
}
bool shadows(const ActionRule& earlier, const ActionRule& later) {
  return wider(earlier.rule, later.rule) && wider(earlier.category, later.category) &&
         wider(earlier.direction, later.direction) && shadows_where(earlier, later);
}

template <class Rule>
void refuse_shadowed(const std::vector<Rule>& rules, const Rule& rule, std::string_view name,
                     Place place, Errors& errors) {
  for (const Rule& earlier : rules) {
    if (!shadows(earlier, rule)) continue;
    errors.add(place, std::string(name) + " is never reached: the one in line " +
                          std::to_string(earlier.line) +
                          " comes first and matches all that this one does");
    return;
  }
}

// Whether the policy intercepts any name that the pattern of an action stands for.
bool intercepted(const Policy& policy, std::string_view pattern) {
  return std::any_of(policy.hosts.begin(), policy.hosts.end(), [&](const Host& host) {
    return host.name == pattern || (!pattern.starts_with("*.") && covers(host.name, pattern)) ||
           (!host.name.starts_with("*.") && covers(pattern, host.name));
  });
}

std::optional<std::string> read_word(StrictReader& reader, std::string_view key, Errors& errors) {
  auto word = reader.text(key);
  if (word && !is_word(*word)) {
    errors.add(reader.place_of(key),
               std::string(key) + " in [[action]] is one word of a to z, 0 to 9, '-' and '_'");
    return std::nullopt;
  }
  return word;
}

// The conditions that an action and a [[stale]] have in common.
template <class Rule>
void read_where(StrictReader& reader, Errors& errors, const Policy& policy, Rule& rule) {
  if (auto host = reader.text("host")) {
    if (auto why = refused_host(*host))
      errors.add(reader.place_of("host"), "\"" + *host + "\" is no host: " + *why);
    else if (!intercepted(policy, *host))
      errors.add(reader.place_of("host"),
                 "no [[host]] of this policy is \"" + *host + "\": this would never apply");
    else
      rule.host = *std::move(host);
  }
  if (auto group = reader.text("group")) rule.group = *std::move(group);
}

void read_action(const Value& entry, Errors& errors, Policy& policy) {
  const std::size_t errors_before = errors.count();
  StrictReader reader(entry, "[[action]]", errors);
  ActionRule rule;
  rule.line = reader.place().line;
  if (auto word = read_word(reader, "rule", errors)) rule.rule = *std::move(word);
  if (auto word = read_word(reader, "category", errors)) rule.category = *std::move(word);
  if (auto direction = reader.choice<Direction>(
          "direction", {{"request", Direction::Request}, {"response", Direction::Response}}))
    rule.direction = to_string(*direction);
  read_where(reader, errors, policy, rule);
  reader.require("action", "\"pass\", \"mask\" or \"block\"");
  if (auto action = reader.choice<Action>("action", kActions)) rule.action = *action;
  const bool conditional = reader.has("rule") || reader.has("category") ||
                           reader.has("direction") || reader.has("host") || reader.has("group");
  reader.close();
  if (!conditional) {
    errors.add(
        reader.place(),
        "[[action]] without a condition: name a rule, category, direction, host or group, or say "
        "it in [default]");
    return;
  }
  if (errors.count() != errors_before) return;  // half read, it would seem wider than it is
  refuse_shadowed(policy.actions, rule, "[[action]]", reader.place(), errors);
  policy.actions.push_back(std::move(rule));
}

void read_scope(const Value& entry, Errors& errors, Policy& policy) {
  const std::size_t errors_before = errors.count();
  StrictReader reader(entry, "[[scope]]", errors);
  ScopeRule rule;
  rule.line = reader.place().line;
  read_where(reader, errors, policy, rule);
  reader.require("mode", "\"enforce\" or \"observe\"");
  if (auto mode = reader.choice<Mode>("mode", kModes)) rule.mode = *mode;
  const bool conditional = reader.has("host") || reader.has("group");
  reader.close();
  if (!conditional)
    errors.add(reader.place(),
               "[[scope]] without a condition: name a host or group, or say it in mode");
  if (errors.count() != errors_before) return;
  refuse_shadowed(policy.scopes, rule, "[[scope]]", reader.place(), errors);
  policy.scopes.push_back(std::move(rule));
}

void read_stale(const Value& entry, Errors& errors, Policy& policy) {
  constexpr std::int64_t kLongest = std::int64_t{7} * 24 * 60;
  const std::size_t errors_before = errors.count();
  StrictReader reader(entry, "[[stale]]", errors);
  StaleRule rule;
  rule.line = reader.place().line;
  read_where(reader, errors, policy, rule);
  reader.require("action", "\"pass\" or \"block\"");
  const auto action = reader.choice<Action>("action", kUninspectedActions);
  if (action == Action::Pass)
    reader.require("max_age_minutes", "up to which age of the last word on a person they pass");
  if (const Value* age = reader.of_kind("max_age_minutes", Value::Kind::Integer)) {
    if (action == Action::Block)
      errors.add(age->place, "max_age_minutes belongs to action = \"pass\"");
    else if (age->number < 1 || age->number > kLongest)
      errors.add(age->place,
                 "max_age_minutes is a whole number from 1 to " + std::to_string(kLongest));
    rule.max_age = std::chrono::minutes(age->number);
  }
  reader.close();
  if (errors.count() != errors_before) return;
  refuse_shadowed(policy.stale, rule, "[[stale]]", reader.place(), errors);
  policy.stale.push_back(std::move(rule));
}

void read_default(StrictReader& root, Errors& errors, Policy& policy) {
  const Value* table = root.table("default");
  if (table == nullptr) return;
  StrictReader reader(*table, "[default]", errors);
  if (auto action = reader.choice<Action>("request", kActions)) policy.default_request = *action;
  if (auto action = reader.choice<Action>("response", kActions)) policy.default_response = *action;
  reader.close();
}

void read_uninspected(StrictReader& root, Errors& errors, Policy& policy) {
  const Value* table = root.table("uninspected");
  if (table == nullptr) return;
  StrictReader reader(*table, "[uninspected]", errors);
  for (std::size_t i = 0; i < kUninspectedKinds; ++i) {
    const std::string_view key = to_string(static_cast<Uninspected>(i));
    if (auto action = reader.choice<Action>(key, kUninspectedActions))
      policy.uninspected[i] = *action;
  }
  reader.close();
}

void read_record(StrictReader& root, Errors& errors, Policy& policy) {
  const Value* table = root.table("record");
  if (table == nullptr) return;
  StrictReader reader(*table, "[record]", errors);
  if (auto strength = reader.choice<RecordStrength>(
          "strength",
          {{"handed", RecordStrength::Handed}, {"committed", RecordStrength::Committed}}))
    policy.strength = *strength;
  reader.close();
}

// Whether every request that `later` is about is one of `earlier`.
bool shadows(const OriginalRule& earlier, const OriginalRule& later) {
  const auto wider = [](const std::string& a, const std::string& b) { return a.empty() || a == b; };
  const bool model = wider(earlier.model, later.model) ||
                     (earlier.model.ends_with('*') &&
                      later.model.starts_with(earlier.model.substr(0, earlier.model.size() - 1)));
  return model && wider(earlier.group, later.group) &&
         (wider(earlier.host, later.host) ||
          (!later.host.empty() && !later.host.starts_with("*.") &&
           covers(earlier.host, later.host)));
}

void read_original(const Value& entry, Errors& errors, Policy& policy) {
  const std::size_t errors_before = errors.count();
  StrictReader reader(entry, "[[original]]", errors);
  OriginalRule rule;
  rule.line = reader.place().line;
  if (auto host = reader.text("host")) {
    if (!intercepted(policy, *host))
      errors.add(reader.place_of("host"), "no [[host]] of this policy is \"" + *host +
                                              "\": nothing of it would ever be kept");
    rule.host = *std::move(host);
  }
  if (auto group = reader.text("group")) rule.group = *std::move(group);
  if (auto model = reader.text("model")) {
    if (model->find('*') < model->size() - 1)
      errors.add(reader.place_of("model"),
                 "model is a name, or how names begin: \"claude-opus-*\"");
    rule.model = *std::move(model);
  }
  reader.require("keep", "\"both\", \"request\", \"response\" or \"none\"");
  if (auto keep = reader.choice<Keep>("keep", {{"both", Keep::Both},
                                               {"request", Keep::Request},
                                               {"response", Keep::Response},
                                               {"none", Keep::None}}))
    rule.keep = *keep;
  reader.close();
  if (errors.count() != errors_before) return;
  for (const OriginalRule& earlier : policy.originals) {
    if (!shadows(earlier, rule)) continue;
    errors.add(reader.place(), "[[original]] is never reached: the one in line " +
                                   std::to_string(earlier.line) +
                                   " comes first and matches all that this one does");
    break;
  }
  policy.originals.push_back(std::move(rule));
}

void read_auditors(StrictReader& root, Errors& errors, Policy& policy) {
  const Value* table = root.table("auditors");
  if (table == nullptr) return;
  StrictReader reader(*table, "[auditors]", errors);
  reader.require("certificates", "files with the certificate of an auditor each, two at least");
  for (const Value* file : reader.texts("certificates")) {
    if (file->text.find('\0') != std::string::npos)
      errors.add(file->place, "a path holds no zero byte");
    policy.auditors.push_back({file->text, file->place.line, file->place.column});
  }
  if (reader.has("certificates") && policy.auditors.size() < sealing::kLeastAuditors)
    errors.add(
        reader.place_of("certificates"),
        "originals are sealed for two auditors at least, so that one lost key loses nothing");
  if (auto action = reader.choice<Action>("unsealed", kUninspectedActions))
    policy.unsealed = *action;
  reader.close();
}

void read_originals(StrictReader& root, Errors& errors, Policy& policy) {
  for (const Value* entry : root.tables("original")) read_original(*entry, errors, policy);
  read_auditors(root, errors, policy);
  const auto kept = std::find_if(policy.originals.begin(), policy.originals.end(),
                                 [](const OriginalRule& rule) { return rule.keep != Keep::None; });
  if (kept != policy.originals.end() && !root.has("auditors"))
    errors.add({kept->line, 1},
               "[[original]] without [auditors]: name the certificates of those who may open it");
}

}  // namespace

Result<Policy, std::vector<PolicyError>> parse_reporting_all(std::string_view toml,
                                                             std::string_view file) {
  const auto document = parse_document(toml, file);
  if (!document) return Unexpected{std::vector<PolicyError>{document.error()}};

  Errors errors(file);
  Policy policy;
  policy.source = file;
  policy.digest = crypto::hex_encode(crypto::sha256(toml));
  StrictReader root(*document, "", errors);
  if (auto mode = root.choice<Mode>("mode", kModes)) policy.mode = *mode;
  read_ports(root, errors, policy);
  read_hosts(root, errors, policy);
  read_rule_packs(root, errors, policy);
  for (const Value* entry : root.tables("action")) read_action(*entry, errors, policy);
  for (const Value* entry : root.tables("scope")) read_scope(*entry, errors, policy);
  for (const Value* entry : root.tables("stale")) read_stale(*entry, errors, policy);
  read_default(root, errors, policy);
  read_uninspected(root, errors, policy);
  read_record(root, errors, policy);
  read_originals(root, errors, policy);
  root.close();

  auto list = std::move(errors).take();
  if (!list.empty()) return Unexpected{std::move(list)};
  return policy;
}

Result<Policy, PolicyError> parse(std::string_view toml, std::string_view file) {
  auto policy = parse_reporting_all(toml, file);
  if (!policy) return Unexpected{policy.error().front()};
  return std::move(policy).value();
}

}  // namespace veilwire::policy
