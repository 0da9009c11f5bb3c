#include "userspace/policy/consistency.h"

#include <gtest/gtest.h>

namespace veilwire::policy {
namespace {

masking::RulePack pack(std::string name, std::vector<std::pair<std::string, std::string>> rules) {
  masking::RulePack p;
  p.name = std::move(name);
  for (auto& [id, category] : rules) {
    masking::Rule rule;
    rule.id = id;
    rule.category = category;
    p.rules.push_back(std::move(rule));
  }
  return p;
}

Policy policy_with(const std::string& rule, const std::string& category) {
  Policy policy;
  policy.source = "policy.toml";
  ActionRule action;
  action.rule = rule;
  action.category = category;
  action.line = 12;
  policy.actions.push_back(action);
  return policy;
}

TEST(PolicyAndPacks, ThatSpeakOfTheSameThingsAreConsistent) {
  const masking::RulePack packs[] = {pack("a", {{"github-token", "secret"}}),
                                     pack("b", {{"iban", "pii"}})};
  EXPECT_TRUE(check_rules(policy_with("iban", "pii"), packs).empty());
  EXPECT_TRUE(check_rules(policy_with("", "secret"), packs).empty());
  EXPECT_TRUE(check_rules(Policy{}, {}).empty());
}

TEST(PolicyAndPacks, AnActionForARuleThatNoPackHasIsRefusedWithTheNearestOne) {
  const masking::RulePack packs[] = {pack("a", {{"github-token", "secret"}})};
  const auto errors = check_rules(policy_with("github-tokn", ""), packs);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(to_string(errors[0]),
            "policy.toml:12:1: [[action]]: no rule pack has a rule \"github-tokn\"; did you mean "
            "\"github-token\"?");
}

TEST(PolicyAndPacks, SoIsOneForACategoryThatNoRuleIsOf) {
  const masking::RulePack packs[] = {pack("a", {{"github-token", "secret"}})};
  const auto errors = check_rules(policy_with("", "secrets"), packs);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_NE(errors[0].message.find("did you mean \"secret\"?"), std::string::npos);
  EXPECT_EQ(check_rules(policy_with("", "secret"), {}).size(), 1U);
}

TEST(PolicyAndPacks, ARuleIsDefinedOnce) {
  const masking::RulePack packs[] = {pack("a.toml", {{"iban", "pii"}}),
                                     pack("b.toml", {{"iban", "pii"}})};
  const auto errors = check_rules(Policy{}, packs);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(to_string(errors[0]), "b.toml: rule \"iban\" is also defined in a.toml");
}

}  // namespace
}  // namespace veilwire::policy
