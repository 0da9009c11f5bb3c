// `veilwire policy show`: what a policy comes to. A rule's treatment is asked of policy::decide,
// not read off the file, so that what is shown is what will be done.
#include "agent/ctl/audit_text.h"
#include "agent/ctl/policy_commands.h"
#include "agent/ctl/policy_files.h"

#include <algorithm>
#include <map>
#include <ostream>
#include <sstream>

#include <nlohmann/json.hpp>

namespace veilwire::ctl {
namespace {

using nlohmann::json;
using policy::Action;
using policy::Direction;

struct Treatment {
  Action request = Action::Pass, response = Action::Pass;
  // clang-tidy 14 takes the defaulted operator for a literal 0.
  // NOLINTNEXTLINE(modernize-use-nullptr)
  friend auto operator<=>(const Treatment&, const Treatment&) = default;
};

// For somebody in none of the groups that the policy makes exceptions for.
Treatment treatment_of(const policy::Policy& policy, const policy::Host& host,
                       const masking::Rule& rule) {
  policy::Facts facts;
  facts.host = host.name;
  facts.rule = rule.id;
  facts.category = rule.category;
  facts.direction = Direction::Request;
  Treatment treatment;
  treatment.request = policy::decide(policy, facts);
  facts.direction = Direction::Response;
  treatment.response = policy::decide(policy, facts);
  return treatment;
}

// The treatment that most rules of a category share, and the rules that differ.
struct CategoryView {
  std::size_t rules = 0;
  Treatment common;
  std::vector<std::pair<std::string, Treatment>> others;
};

std::map<std::string, CategoryView> categories_at(const PolicyFiles& files,
                                                  const policy::Host& host) {
  std::map<std::string, std::map<Treatment, std::vector<std::string>>> by_category;
  for (const masking::RulePack& pack : files.packs)
    for (const masking::Rule& rule : pack.rules)
      by_category[rule.category][treatment_of(files.policy, host, rule)].push_back(rule.id);
  std::map<std::string, CategoryView> views;
  for (const auto& [category, groups] : by_category) {
    CategoryView& view = views[category];
    const auto most = std::max_element(
        groups.begin(), groups.end(),
        [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
    view.common = most->first;
    for (const auto& [treatment, ids] : groups) {
      view.rules += ids.size();
      if (treatment != view.common)
        for (const std::string& id : ids) view.others.emplace_back(id, treatment);
    }
  }
  return views;
}

json to_json(const Treatment& treatment) {
  return {{"request", policy::to_string(treatment.request)},
          {"response", policy::to_string(treatment.response)}};
}

using Conditions = std::vector<std::pair<std::string_view, std::string_view>>;

Conditions conditions_of(const policy::ActionRule& rule) {
  return {{"rule", rule.rule},
          {"category", rule.category},
          {"direction", rule.direction},
          {"host", rule.host},
          {"group", rule.group}};
}
Conditions conditions_of(const policy::ScopeRule& rule) {
  return {{"host", rule.host}, {"group", rule.group}};
}
Conditions conditions_of(const policy::StaleRule& rule) {
  return {{"host", rule.host}, {"group", rule.group}};
}

std::string text_of(const Conditions& conditions) {
  std::string s;
  for (const auto& [name, value] : conditions)
    if (!value.empty()) s.append(s.empty() ? "" : ", ").append(name).append(" ").append(value);
  return s.empty() ? "everybody" : s;
}

void add_to(json& entry, const Conditions& conditions) {
  for (const auto& [name, value] : conditions)
    if (!value.empty()) entry[std::string(name)] = value;
}

json document_of(const PolicyFiles& files) {
  const policy::Policy& p = files.policy;
  json document = {{"file", p.source},
                   {"digest", p.digest},
                   {"mode", policy::to_string(p.mode)},
                   {"scopes", json::array()},
                   {"ports", p.ports}};
  for (const policy::ScopeRule& rule : p.scopes) {
    json entry = {{"line", rule.line}, {"mode", policy::to_string(rule.mode)}};
    add_to(entry, conditions_of(rule));
    document["scopes"].push_back(std::move(entry));
  }
  for (const policy::Host& host : p.hosts) {
    json entry = {{"name", host.name}, {"speaks", policy::to_string(host.speaks)}};
    if (!host.credentials.empty()) {
      entry["credential"] = {{"field", host.credential_field},
                             {"bearer", host.credential_bearer},
                             {"required", host.credential_required},
                             {"drops", host.drops}};
      for (const policy::HostCredential& credential : host.credentials)
        entry["credential"]["given"].push_back(
            {{"group", credential.group}, {"use", credential.use}});
    }
    for (const masking::RulePack& pack : files.packs)
      for (const masking::Rule& rule : pack.rules)
        entry["rules"][rule.id] = to_json(treatment_of(p, host, rule));
    document["hosts"].push_back(std::move(entry));
  }
  document["packs"] = json::array();
  for (const masking::RulePack& pack : files.packs)
    document["packs"].push_back({{"file", pack.name}, {"rules", pack.rules.size()}});
  document["actions"] = json::array();
  for (const policy::ActionRule& rule : p.actions) {
    json entry = {{"line", rule.line}, {"action", policy::to_string(rule.action)}};
    add_to(entry, conditions_of(rule));
    document["actions"].push_back(std::move(entry));
  }
  document["default"] = to_json({p.default_request, p.default_response});
  for (std::size_t i = 0; i < policy::kUninspectedKinds; ++i) {
    const auto what = static_cast<policy::Uninspected>(i);
    document["uninspected"][std::string(policy::to_string(what))] =
        policy::to_string(uninspected_action(p, what));
  }
  document["stale"] = json::array();
  for (const policy::StaleRule& rule : p.stale) {
    json entry = {{"line", rule.line}, {"max_age_minutes", rule.max_age.count()}};
    add_to(entry, conditions_of(rule));
    document["stale"].push_back(std::move(entry));
  }
  document["record"] = {{"strength", policy::to_string(p.strength)}};
  document["originals"] = json::array();
  for (const policy::OriginalRule& rule : p.originals) {
    json entry = {{"line", rule.line}, {"keep", policy::to_string(rule.keep)}};
    for (const auto& [name, value] :
         {std::pair("host", &rule.host), std::pair("group", &rule.group),
          std::pair("model", &rule.model)})
      if (!value->empty()) entry[name] = *value;
    document["originals"].push_back(std::move(entry));
  }
  document["auditors"] = {{"certificates", files.certificates},
                          {"unsealed", policy::to_string(p.unsealed)}};
  return document;
}

std::string padded(std::string_view text, std::size_t width) {
  std::string s = visible_line(text);
  s.resize(std::max(s.size() + 1, width), ' ');
  return s;
}

std::string row(std::string_view name, const Treatment& treatment) {
  return "  " + padded(name, 36) + padded(policy::to_string(treatment.request), 9) +
         std::string(policy::to_string(treatment.response)) + "\n";
}

std::string credentials_of(const policy::Host& host) {
  std::string s;
  for (const policy::HostCredential& credential : host.credentials) {
    const std::string who =
        credential.group.empty() ? "everybody known" : "group " + credential.group;
    s += "  credential for " + padded(who, 20) + visible_line(credential.use) + " in " +
         host.credential_field + (host.credential_bearer ? " as a bearer\n" : "\n");
  }
  if (!s.empty())
    s += std::string("  credential for anybody else      ") +
         (host.credential_required ? "none: refused\n" : "their own\n");
  return s;
}

std::string action_of(const policy::StaleRule& rule) {
  if (rule.max_age == rule.max_age.zero()) return "block";
  return "pass up to " + std::to_string(rule.max_age.count()) + " minutes";
}

std::string originals_of(const PolicyFiles& files) {
  const policy::Policy& p = files.policy;
  if (p.originals.empty()) return {};
  std::string s = "\noriginals that are kept, sealed\n";
  for (const policy::OriginalRule& rule : p.originals) {
    std::string who;
    for (const auto& [name, value] :
         {std::pair("host ", &rule.host), std::pair("group ", &rule.group),
          std::pair("model ", &rule.model)})
      if (!value->empty()) who += (who.empty() ? "" : ", ") + (name + *value);
    s += "  " + padded(who.empty() ? "everything" : who, 36) +
         std::string(policy::to_string(rule.keep)) + " (line " + std::to_string(rule.line) + ")\n";
  }
  for (const std::string& path : files.certificates)
    s += "  " + padded("for", 36) + visible_line(path) + "\n";
  return s + "  " + padded("where it cannot be sealed", 36) +
         std::string(policy::to_string(p.unsealed)) + "\n";
}

std::string text_of(const PolicyFiles& files) {
  const policy::Policy& p = files.policy;
  std::ostringstream out;
  out << "policy " << visible_line(p.source) << "\nsha256 " << p.digest << "\n";
  out << "mode   " << policy::to_string(p.mode)
      << (p.mode == policy::Mode::Observe ? ", nothing below is done: it is recorded\n" : "\n");
  for (const policy::ScopeRule& rule : p.scopes)
    out << "  " << padded(text_of(conditions_of(rule)), 36) << policy::to_string(rule.mode)
        << " (line " << rule.line << ")\n";
  for (const masking::RulePack& pack : files.packs)
    out << "rules  " << visible_line(pack.name) << " (" << pack.rules.size() << ")\n";
  out << "ports ";
  for (const std::uint16_t port : p.ports) out << ' ' << port;
  out << "\n";
  for (const policy::Host& host : p.hosts) {
    out << "\n"
        << host.name << " (" << policy::to_string(host.speaks) << ")\n"
        << "  " << padded("", 36) << padded("request", 9) << "response\n";
    for (const auto& [category, view] : categories_at(files, host)) {
      out << row(
          category + ", " + std::to_string(view.rules) + (view.rules == 1 ? " rule" : " rules"),
          view.common);
      for (const auto& [id, treatment] : view.others) out << row("  except " + id, treatment);
    }
    out << row("anything else", {p.default_request, p.default_response});
    out << credentials_of(host);
  }
  bool heading = false;
  for (const policy::ActionRule& rule : p.actions) {
    // An action for one name under a wildcard does not show in the wildcard's table above.
    const bool for_one_name =
        !rule.host.empty() &&
        std::none_of(p.hosts.begin(), p.hosts.end(), [&](const policy::Host& host) {
          return host.name == rule.host || policy::covers(rule.host, host.name);
        });
    if (rule.group.empty() && !for_one_name) continue;
    if (!heading) out << "\nexceptions\n";
    heading = true;
    out << "  " << padded(text_of(conditions_of(rule)), 36) << policy::to_string(rule.action)
        << " (line " << rule.line << ")\n";
  }
  out << "\nwhat cannot be read\n";
  for (std::size_t i = 0; i < policy::kUninspectedKinds; ++i) {
    const auto what = static_cast<policy::Uninspected>(i);
    out << "  " << padded(policy::to_string(what), 36)
        << policy::to_string(uninspected_action(p, what)) << "\n";
  }
  out << "\nwho cannot be confirmed\n";
  for (const policy::StaleRule& rule : p.stale)
    out << "  " << padded(text_of(conditions_of(rule)), 36) << action_of(rule) << " (line "
        << rule.line << ")\n";
  out << "  " << padded("anybody else", 36) << "block\n";
  out << originals_of(files);
  out << "\nrecord " << policy::to_string(p.strength) << "\n";
  return std::move(out).str();
}

}  // namespace

int policy_show(const std::string& file, bool as_json, std::ostream& out, std::ostream& err) {
  const auto files = load_policy_files(file);
  if (!files) {
    err << with_source_lines(files.error());
    return 1;
  }
  if (as_json)
    out << document_of(*files).dump(2, ' ', false, json::error_handler_t::replace) << '\n';
  else
    out << text_of(*files);
  return 0;
}

}  // namespace veilwire::ctl
