#include "agent/doctor/policy_check.h"

#include "tests/unit/doctor/finding_matchers.h"

#include <gtest/gtest.h>

namespace veilwire::doctor {
namespace {

PolicyFacts good_facts() {
  PolicyFacts facts;
  facts.path = "/etc/veilwire/policy.toml";
  facts.hosts = {"api.anthropic.com"};
  facts.report.policy_file_digest = "abc";
  facts.report.programs = {ctl::judged("proxy", R"({"healthy":true,"policy":{"digest":"abc"}})")};
  return facts;
}

TEST(PolicyCheck, APolicyThatIsInForceIsOk) { EXPECT_TRUE(all_ok(check_policy(good_facts()))); }

TEST(PolicyCheck, AMistakeIsCriticalAndAFileThatIsHiddenIsUnseen) {
  PolicyFacts facts = good_facts();
  facts.problem = "policy.toml:1:1: no";
  EXPECT_EQ(severity_of(check_policy(facts), "policy-file"), Severity::Critical);
  facts.readable = false;
  EXPECT_EQ(severity_of(check_policy(facts), "policy-file"), Severity::Unseen);
}

TEST(PolicyCheck, AnEditThatIsNotInForceIsAWarning) {
  PolicyFacts facts = good_facts();
  facts.report.policy_file_digest = "other";
  facts.report.edited_packs = {"/etc/veilwire/rules/cloud.toml"};
  const Findings found = check_policy(facts);
  EXPECT_EQ(severity_of(found, "policy-in-force"), Severity::Warning);
  EXPECT_EQ(found.size(), 4U);
  EXPECT_TRUE(all_say_what_to_do(found));
}

TEST(PolicyCheck, APolicyThatOnlyObservesIsANote) {
  PolicyFacts facts = good_facts();
  facts.observes = "observe in part";
  EXPECT_EQ(severity_of(check_policy(facts), "policy-observes"), Severity::Note);
}

TEST(PolicyCheck, APolicyWithoutHostsIsAWarningAndASilentProxyIsNotAsked) {
  PolicyFacts facts = good_facts();
  facts.hosts.clear();
  facts.report.programs.clear();
  const Findings found = check_policy(facts);
  EXPECT_EQ(severity_of(found, "policy-hosts"), Severity::Warning);
  EXPECT_FALSE(has(found, "policy-in-force"));
}

}  // namespace
}  // namespace veilwire::doctor
