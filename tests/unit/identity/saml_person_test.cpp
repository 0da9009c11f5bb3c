#include "userspace/identity/saml_person.h"

#include "userspace/identity/subject_map.h"

#include <chrono>

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

using std::chrono::seconds;

constexpr WallTime kNow{seconds(1'800'000'000)};

SamlAssertion assertion() {
  return {.issuer = "https://idp.example/saml",
          .id = "_a1",
          .subject = "7f3c",
          .subject_format = kSamlPersistent,
          .session_index = "s1",
          .authn_context = "urn:oasis:names:tc:SAML:2.0:ac:classes:X509",
          .issued_at = kNow,
          .signed_in_at = kNow,
          .usable_until = {kNow.since_epoch + seconds(300)},
          .session_ends_at = {},
          .attributes = {{"uid", {"alice"}}, {"groups", {"staff", "developers", "staff"}}}};
}

TEST(SamlPerson, IsNamedByAPersistentNameId) {
  const auto token = token_of(assertion(), {.groups_attribute = "groups"}, kNow);
  ASSERT_TRUE(token);
  EXPECT_EQ(token->issuer, "https://idp.example/saml");
  EXPECT_EQ(token->subject, "7f3c");
  EXPECT_EQ(token->id, "_a1");
  EXPECT_EQ(token->session, "s1");
  EXPECT_EQ(token->acr, "urn:oasis:names:tc:SAML:2.0:ac:classes:X509");
  const Person person = person_of(*token);
  EXPECT_EQ(person.name, "7f3c");
  EXPECT_EQ(person.groups, (std::vector<std::string>{"developers", "staff"}));
  EXPECT_EQ(person.person_class, PersonClass::Human);
  EXPECT_EQ(person.method, "saml");
}

TEST(SamlPerson, IsNotNamedByANameIdThatMayChange) {
  for (const char* format : {kSamlTransient, kSamlUnspecified, ""}) {
    SamlAssertion a = assertion();
    a.subject_format = format;
    const auto token = token_of(a, {}, kNow);
    ASSERT_FALSE(token);
    EXPECT_EQ(token.error(), SamlFault::SubjectNotLasting);
  }
}

TEST(SamlPerson, IsNamedByTheAttributeThatIsConfigured) {
  SamlAssertion a = assertion();
  a.subject_format = kSamlTransient;
  EXPECT_EQ(token_of(a, {.subject_attribute = "uid"}, kNow)->subject, "alice");
  EXPECT_EQ(token_of(a, {.subject_attribute = "absent"}, kNow).error(), SamlFault::NoSubject);
  EXPECT_EQ(token_of(a, {.subject_attribute = "groups"}, kNow).error(), SamlFault::NoSubject)
      << "several values name several people";
}

TEST(SamlPerson, IsShownByTheNameThatIsConfigured) {
  EXPECT_EQ(person_of(*token_of(assertion(), {.name_attribute = "uid"}, kNow)).name, "alice");
}

TEST(SamlPerson, HasNoGroupsUnlessAnAttributeIsConfigured) {
  EXPECT_TRUE(token_of(assertion(), {}, kNow)->groups.empty());
}

TEST(SamlPerson, IsRefusedWithMoreGroupsThanCanBeKept) {
  SamlAssertion a = assertion();
  a.attributes[1].values.assign(limits::kTokenGroups + 1, "g");
  EXPECT_EQ(token_of(a, {.groups_attribute = "groups"}, kNow).error(), SamlFault::TooManyGroups);
}

TEST(SamlPerson, SignsOutWhenTheIdpSaysOrWhenConfiguredWhicheverIsSooner) {
  SamlAssertion a = assertion();
  const SamlSettings settings{.session = seconds(600)};
  EXPECT_EQ(token_of(a, settings, kNow)->expires_at, (WallTime{kNow.since_epoch + seconds(600)}));
  a.session_ends_at = {kNow.since_epoch + seconds(60)};
  EXPECT_EQ(token_of(a, settings, kNow)->expires_at, a.session_ends_at);
  a.session_ends_at = {kNow.since_epoch + seconds(6000)};
  EXPECT_EQ(token_of(a, settings, kNow)->expires_at, (WallTime{kNow.since_epoch + seconds(600)}));
  a.session_ends_at = kNow;
  EXPECT_EQ(token_of(a, settings, kNow).error(), SamlFault::SessionOver);
}

TEST(SamlPerson, OwnsAnAccountByTheRulesThatHoldForTokens) {
  SubjectSettings rules;
  rules.rules = {NameClaim{{"uid"}}};
  const auto token = token_of(assertion(), {}, kNow);
  ASSERT_TRUE(token);
  const Account alice{.uid = 1000, .name = "alice", .groups = {}};
  EXPECT_TRUE(owns_account(*token, alice, rules));
  const Account bob{.uid = 1001, .name = "bob", .groups = {}};
  EXPECT_FALSE(owns_account(*token, bob, rules));
}

}  // namespace
}  // namespace veilwire::identity
