#include "userspace/flow/ruleset.h"

#include "tests/unit/flow/relay_fixture.h"

#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

TEST(Ruleset, SharesOneEngineAmongThoseWhomPolicyTreatsAlike) {
  const auto ruleset = make_ruleset();
  ASSERT_NE(ruleset, nullptr);
  identity::Person ada, bob;
  ada.name = "ada";
  bob.name = "bob";
  const auto first = ruleset->engine(policy::Direction::Response, "api.anthropic.com", &ada);
  EXPECT_EQ(first, ruleset->engine(policy::Direction::Response, "api.anthropic.com", &bob));
  EXPECT_NE(
      first,
      ruleset->record_engine());  // one rule blocks on the wire and is only masked in the record
}

TEST(Ruleset, TreatsAGroupAsPolicySays) {
  const auto ruleset = make_ruleset(R"(
[[host]]
name = "api.anthropic.com"
speaks = "anthropic"
[[action]]
rule = "test-key"
group = "auditors"
action = "pass"
)");
  ASSERT_NE(ruleset, nullptr);
  identity::Person auditor, developer;
  auditor.groups = {"auditors"};
  const std::string text = "KEY-12345678";
  EXPECT_EQ(masking::mask_all(
                *ruleset->engine(policy::Direction::Response, "api.anthropic.com", &auditor), text),
            text);
  EXPECT_NE(
      masking::mask_all(
          *ruleset->engine(policy::Direction::Response, "api.anthropic.com", &developer), text),
      text);
}

TEST(Ruleset, NamesTheRuleThatCannotBeCompiled) {
  auto policy = policy::parse(kPolicy, "policy.toml");
  ASSERT_TRUE(policy);
  masking::Rule rule;
  rule.id = "endless";
  rule.category = "secret";
  rule.regex = "key=[a-z]+";
  rule.keywords = {"key="};
  const auto ruleset = Ruleset::build(std::move(policy).value(), {{"pack", {rule}}},
                                      Secret(std::string("0123456789abcdef0123456789abcdef")));
  ASSERT_FALSE(ruleset);
  EXPECT_NE(ruleset.error().find("endless"), std::string::npos);
}

}  // namespace
}  // namespace veilwire::flow
