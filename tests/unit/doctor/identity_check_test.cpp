#include "agent/doctor/identity_check.h"

#include "tests/unit/doctor/finding_matchers.h"

#include <gtest/gtest.h>

namespace veilwire::doctor {
namespace {

using std::chrono::seconds;

IdentityFacts facts_with(std::optional<ProviderAnswer> answer) {
  return {.provider = "oidc",
          .issuer = "https://idp.example",
          .answer = std::move(answer),
          .synchronised = true,
          .document = ""};
}

Severity offset(int ahead) {
  const Findings found = check_identity(facts_with(ProviderAnswer{"", seconds(ahead)}));
  EXPECT_TRUE(all_say_what_to_do(found));
  return severity_of(found, "clock-offset");
}

TEST(IdentityCheck, WhereTheUsersOfTheHostAreThePeopleThereIsNobodyToReach) {
  EXPECT_TRUE(all_ok(check_identity({.provider = "local",
                                     .issuer = "",
                                     .answer = std::nullopt,
                                     .synchronised = std::nullopt,
                                     .document = ""})));
}

TEST(IdentityCheck, AnAnswerIsOkAndNoneIsCritical) {
  EXPECT_TRUE(all_ok(check_identity(facts_with(ProviderAnswer{"", std::nullopt}))));
  const Findings down = check_identity(facts_with(ProviderAnswer{"refused", std::nullopt}));
  EXPECT_EQ(severity_of(down, "idp-reachable"), Severity::Critical);
  EXPECT_EQ(severity_of(check_identity(facts_with(std::nullopt)), "idp-reachable"),
            Severity::Unseen);
}

TEST(IdentityCheck, AClockThatIsOffIsJudgedByWhatTokensAllow) {
  EXPECT_EQ(offset(0), Severity::Ok);
  EXPECT_EQ(offset(-20), Severity::Ok);
  EXPECT_EQ(offset(21), Severity::Warning);
  EXPECT_EQ(offset(60), Severity::Warning);
  EXPECT_EQ(offset(61), Severity::Critical);
  EXPECT_EQ(offset(-3600), Severity::Critical);
}

TEST(IdentityCheck, AClockThatNobodySetsIsANote) {
  IdentityFacts facts = facts_with(ProviderAnswer{"", std::nullopt});
  facts.synchronised = false;
  EXPECT_EQ(severity_of(check_identity(facts), "clock-sync"), Severity::Note);
}

TEST(IdentityCheck, WithSamlItsMetadataCountsAndWhereBrowsersSignIn) {
  IdentityFacts facts = facts_with(ProviderAnswer{"", seconds(0)});
  facts.provider = "saml";
  EXPECT_TRUE(all_ok(check_identity(facts)));
  facts.answer->problem = "refused";
  EXPECT_EQ(severity_of(check_identity(facts), "idp-reachable"), Severity::Warning);
  facts.issuer = "";
  facts.answer.reset();
  facts.metadata_problem = "the IdP's metadata has no usable entityID";
  const Findings found = check_identity(facts);
  EXPECT_TRUE(all_say_what_to_do(found));
  EXPECT_EQ(severity_of(found, "saml-metadata"), Severity::Critical);
  EXPECT_FALSE(has(found, "idp-reachable"));
  facts.provider = "oidc";
  EXPECT_FALSE(has(check_identity(facts), "saml-metadata"));
}

TEST(IdentityCheck, EventsThatDoNotComeAreAWarning) {
  IdentityFacts facts = facts_with(ProviderAnswer{"", std::nullopt});
  facts.document =
      R"({"transmitters":[{"issuer":"https://idp.example","keys":true,"failures":3}]})";
  EXPECT_EQ(severity_of(check_identity(facts), "idp-events"), Severity::Warning);
  facts.document =
      R"({"transmitters":[{"issuer":"https://idp.example","keys":true,"failures":0}]})";
  EXPECT_FALSE(has(check_identity(facts), "idp-events"));
}

}  // namespace
}  // namespace veilwire::doctor
