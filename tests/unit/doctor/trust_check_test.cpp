#include "agent/doctor/trust_check.h"

#include "tests/unit/doctor/finding_matchers.h"

#include <gtest/gtest.h>

namespace veilwire::doctor {
namespace {

using testing::HasSubstr;

TrustFacts facts_of(Trust trust, std::string said) {
  TrustFacts facts{.certificate = "/etc/veilwire/ca.pem",
                   .bundle = "/etc/ssl/certs/ca-certificates.crt",
                   .in_bundle = true,
                   .runtimes = {}};
  for (const char* runtime : {"openssl", "python", "node", "java"})
    facts.runtimes.push_back({runtime, std::string("/usr/bin/") + runtime, trust, said});
  return facts;
}

TEST(TrustCheck, RuntimesThatAcceptAreOk) {
  EXPECT_TRUE(all_ok(check_trust(facts_of(Trust::Accepts, ""))));
}

TEST(TrustCheck, WhoRefusesIsFoundWithItsReason) {
  const Findings found = check_trust(facts_of(Trust::Refuses, "self-signed certificate"));
  EXPECT_EQ(severity_of(found, "trust-openssl"), Severity::Critical);
  EXPECT_EQ(severity_of(found, "trust-python"), Severity::Critical);
  EXPECT_EQ(severity_of(found, "trust-node"), Severity::Warning);
  EXPECT_EQ(severity_of(found, "trust-java"), Severity::Warning);
  EXPECT_THAT(finding_of(found, "trust-python").is, HasSubstr("self-signed certificate"));
  EXPECT_TRUE(all_say_what_to_do(found));
}

TEST(TrustCheck, WhoCouldNotBeAskedIsUnseen) {
  const Findings found = check_trust(facts_of(Trust::NotAsked, "the signer does not answer"));
  for (const char* id : {"trust-openssl", "trust-python", "trust-node", "trust-java"})
    EXPECT_EQ(severity_of(found, id), Severity::Unseen);
}

TEST(TrustCheck, ABundleWithoutTheCaIsCriticalAndNoBundleAWarning) {
  TrustFacts facts = facts_of(Trust::Accepts, "");
  facts.in_bundle = false;
  EXPECT_EQ(severity_of(check_trust(facts), "trust-bundle"), Severity::Critical);
  facts.bundle = "";
  EXPECT_EQ(severity_of(check_trust(facts), "trust-bundle"), Severity::Warning);
}

TEST(TrustCheck, ARuntimeThatIsNotInstalledIsNotMentioned) {
  TrustFacts facts = facts_of(Trust::Accepts, "");
  facts.runtimes = {{"java", "", Trust::NotAsked, ""}};
  EXPECT_FALSE(has(check_trust(facts), "trust-java"));
}

}  // namespace
}  // namespace veilwire::doctor
