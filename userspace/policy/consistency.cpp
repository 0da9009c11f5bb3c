#include "userspace/policy/consistency.h"

#include "userspace/policy/strict_reader.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

namespace veilwire::policy {

std::vector<PolicyError> check_rules(const Policy& policy,
                                     std::span<const masking::RulePack> packs) {
  std::vector<PolicyError> errors;
  std::map<std::string_view, std::string_view> pack_of;  // rule id -> name of its pack
  std::vector<std::string_view> ids, categories;
  for (const masking::RulePack& pack : packs) {
    for (const masking::Rule& rule : pack.rules) {
      const auto [it, added] = pack_of.emplace(rule.id, pack.name);
      if (!added && !pack.foreign)  // of a foreign pack it is left out
        errors.push_back(
            {pack.name, 0, 0,
             "rule \"" + rule.id + "\" is also defined in " + std::string(it->second)});
      ids.push_back(rule.id);
      if (std::find(categories.begin(), categories.end(), rule.category) == categories.end())
        categories.push_back(rule.category);
    }
  }
  const auto meant = [](std::string_view word, const std::vector<std::string_view>& known) {
    const std::string_view near = nearest(word, known);
    return near.empty() ? std::string() : "; did you mean \"" + std::string(near) + "\"?";
  };
  for (const ActionRule& action : policy.actions) {
    const auto complain = [&](std::string message) {
      errors.push_back({policy.source, action.line, 1, "[[action]]: " + std::move(message)});
    };
    if (!action.rule.empty() && !pack_of.contains(action.rule))
      complain("no rule pack has a rule \"" + action.rule + "\"" + meant(action.rule, ids));
    if (!action.category.empty() &&
        std::find(categories.begin(), categories.end(), action.category) == categories.end())
      complain("no rule is of the category \"" + action.category + "\"" +
               meant(action.category, categories));
  }
  return errors;
}

}  // namespace veilwire::policy
