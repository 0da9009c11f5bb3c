#include "agent/ctl/rule_trial.h"

#include "userspace/base/secret.h"

#include <gtest/gtest.h>

namespace veilwire::ctl {
namespace {

masking::Rule token_rule() {
  masking::Rule rule;
  rule.id = "test-token";
  rule.category = "secret";
  rule.regex = "tok_[a-z0-9]{8}";
  rule.keywords = {"tok_"};
  rule.positive = {"the token is tok_ab12cd34, keep it", "tok_00000000"};
  rule.negative = {"tok_short", "token"};
  return rule;
}

std::shared_ptr<const masking::Engine> engine_of(const masking::RulePack& pack) {
  const Secret key(std::string(32, 'k'));
  auto engine = masking::compile(
      std::span(&pack, 1), [](const masking::Rule&) { return masking::Treatment::Mask; }, key);
  EXPECT_TRUE(engine) << engine.error().message;
  return engine ? std::move(engine).value() : nullptr;
}

TEST(RuleTrial, ARuleThatFindsItsExamplesPasses) {
  const masking::RulePack pack{"p.toml", {token_rule()}};
  const TrialResult result = try_rules(pack, engine_of(pack));
  EXPECT_EQ(result.rules, 1U);
  EXPECT_EQ(result.positive, 2U);
  EXPECT_EQ(result.negative, 2U);
  EXPECT_GT(result.cuts, 40U);
  EXPECT_TRUE(result.without_examples.empty());
  for (const TrialFailure& failure : result.failures)
    ADD_FAILURE() << failure.rule << ": " << failure.message;
}

TEST(RuleTrial, AMissedPositiveAndAFoundNegativeExampleFail) {
  masking::Rule rule = token_rule();
  rule.positive = {"tok_ABCDEFGH"};
  rule.negative = {"tok_ab12cd34"};
  const masking::RulePack pack{"p.toml", {rule}};
  const TrialResult result = try_rules(pack, engine_of(pack));
  ASSERT_EQ(result.failures.size(), 2U);
  EXPECT_EQ(result.failures[0].rule, "test-token");
  EXPECT_EQ(result.failures[0].message, "not found in its positive example \"tok_ABCDEFGH\"");
  EXPECT_EQ(result.failures[1].message, "found in its negative example \"tok_ab12cd34\"");
}

TEST(RuleTrial, ARuleWithoutExamplesIsNamed) {
  masking::Rule rule = token_rule();
  rule.positive.clear();
  rule.negative.clear();
  const masking::RulePack pack{"p.toml", {rule}};
  EXPECT_EQ(try_rules(pack, engine_of(pack)).without_examples,
            std::vector<std::string>{"test-token"});
}

TEST(RuleTrial, PiecesComeOutAsTheWhole) {
  const masking::RulePack pack{"p.toml", {token_rule()}};
  const auto engine = engine_of(pack);
  const std::string whole = masking::mask_all(*engine, "a tok_ab12cd34 b");
  EXPECT_EQ(whole.find("tok_ab"), std::string::npos);
  EXPECT_EQ(mask_pieces(engine, {"a tok", "_ab12c", "d34", " b"}), whole);
  EXPECT_EQ(mask_pieces(engine, {}), "");
}

}  // namespace
}  // namespace veilwire::ctl
