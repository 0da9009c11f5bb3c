#include "agent/identity/oidc_settings.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace veilwire::agent_identity {
namespace {

using std::chrono::seconds;

OidcSettings read(const std::string& toml) {
  const auto section = host::Config::parse("[identity]\n" + toml, "f").section("identity");
  OidcSettings settings = read_oidc_settings(section);
  section.check();
  return settings;
}
OidcSettings read_saml(const std::string& toml) {
  const auto section = host::Config::parse("[identity]\n" + toml, "f").section("identity");
  OidcSettings settings = read_saml_settings(section);
  section.check();
  return settings;
}
std::string complaint(const std::string& toml, OidcSettings (*reader)(const std::string&) = read) {
  try {
    (void)reader(toml);
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}

const std::string kIssuer = "issuer = \"https://idp.example\"\nclient_id = \"veilwire\"\n";
const std::string kAccount = "[[identity.account]]\nclaim = [\"preferred_username\"]\n";
const std::string kJob =
    "[[identity.ci]]\nname = \"deploys\"\nissuer = \"https://gitlab.example\"\n"
    "audience = \"veilwire\"\ngroups = [\"deployers\"]\n";
const std::string kWhen = "[[identity.ci.when]]\nclaim = [\"project_path\"]\nis = [\"acme/app\"]\n";

TEST(OidcSettings, FewAreEnough) {
  const OidcSettings s = read(kIssuer + kAccount);
  ASSERT_TRUE(s.issuer);
  EXPECT_EQ(s.issuer->text, "https://idp.example");
  EXPECT_EQ(s.client.id, "veilwire");
  EXPECT_EQ(s.client.method, identity::ClientMethod::None);
  EXPECT_EQ(s.client.constraint, SenderConstraint::IfOffered);
  EXPECT_EQ(s.scope, "openid offline_access profile");
  EXPECT_EQ(s.groups_claim, std::vector<std::string>{"groups"});
  EXPECT_EQ(s.hold, seconds(5));
  EXPECT_EQ(s.times.fresh_for, seconds(90));
  EXPECT_EQ(s.times.cached_for, seconds(900));
  EXPECT_EQ(s.subjects.rules.size(), 1U);
  EXPECT_EQ(s.bindings.derived, identity::DerivedUse::OfLogin);
  EXPECT_TRUE(s.ci_rules.empty());
}

TEST(OidcSettings, AllOfThemAreRead) {
  const OidcSettings s =
      read(kIssuer +
           "scopes = [\"openid\", \"groups\"]\ngroups_claim = [\"realm_access\", \"roles\"]\n"
           "derived = \"separate\"\nrunner_users = [\"0:0\"]\njob_may_fill_unit = true\n"
           "sender_constrained = \"dpop\"\nfresh_seconds = 60\ncached_seconds = 61\nsession_hours "
           "= 1\nhold_seconds = 0\n"
           "first_person = 500\nignore_case = true\noperator_group = \"wheel\"\n"
           "[[identity.account]]\nsubject = \"s1\"\nuser = \"alice\"\n"
           "[[identity.account]]\nsubject = \"s2\"\nuid = 0\n"
           "[[identity.account]]\nclaim = [\"upn\"]\ndomain = \"acme.example\"\n"
           "[[identity.account]]\nemail_domain = \"acme.example\"\n"
           "[[identity.account]]\ngroup = \"deployers\"\nuser = \"deploy\"\n" +
           kJob + kWhen + "[[identity.ci.when]]\nclaim = [\"ref_protected\"]\nis_true = true\n");
  EXPECT_EQ(s.scope, "openid groups");
  EXPECT_EQ(s.client.constraint, SenderConstraint::Dpop);
  EXPECT_EQ(s.groups_claim, (std::vector<std::string>{"realm_access", "roles"}));
  EXPECT_EQ(s.bindings.derived, identity::DerivedUse::Separate);
  EXPECT_EQ(s.bindings.runner_uids, std::vector<std::uint32_t>{0});
  EXPECT_TRUE(s.bindings.job_may_fill_unit);
  EXPECT_EQ(s.times.longest, std::chrono::hours(1));
  ASSERT_EQ(s.subjects.table.size(), 2U);
  EXPECT_EQ(std::get<std::string>(s.subjects.table[0].account), "alice");
  EXPECT_EQ(std::get<std::uint32_t>(s.subjects.table[1].account), 0U);
  ASSERT_EQ(s.subjects.rules.size(), 3U);
  EXPECT_EQ(std::get<identity::NameClaim>(s.subjects.rules[0]).domain, "acme.example");
  EXPECT_EQ(std::get<identity::EmailClaim>(s.subjects.rules[1]).domain, "acme.example");
  EXPECT_EQ(std::get<identity::GroupAccount>(s.subjects.rules[2]).user, "deploy");
  ASSERT_EQ(s.ci_rules.size(), 1U);
  EXPECT_EQ(s.ci_rules[0].conditions.size(), 2U);
}

TEST(OidcSettings, JobsAloneNeedNoIdpOfPeople) { EXPECT_FALSE(read(kJob + kWhen).issuer); }

TEST(OidcSettings, WithSamlFewAreEnough) {
  const OidcSettings s = read_saml(kAccount);
  EXPECT_FALSE(s.issuer);
  ASSERT_TRUE(s.saml);
  EXPECT_EQ(s.saml->socket, "/run/veilwire-saml/saml.sock");
  EXPECT_EQ(s.saml->person.subject_attribute, "");
  EXPECT_EQ(s.saml->person.session, std::chrono::hours(8));
  EXPECT_EQ(s.times.longest, std::chrono::hours(8));
  EXPECT_EQ(s.subjects.rules.size(), 1U);
  EXPECT_FALSE(needs_network(s));
  EXPECT_TRUE(needs_network(read(kIssuer + kAccount)));
}

TEST(OidcSettings, WithSamlAttributesAreNamedAndJobsMayComeToo) {
  const OidcSettings s = read_saml(
      "saml_socket = \"/run/x\"\nsubject_attribute = \"uid\"\ngroups_attribute = \"groups\"\n"
      "name_attribute = \"mail\"\nsession_hours = 2\n" +
      kAccount + kJob + kWhen);
  EXPECT_EQ(s.saml->socket, "/run/x");
  EXPECT_EQ(s.saml->person.subject_attribute, "uid");
  EXPECT_EQ(s.saml->person.groups_attribute, "groups");
  EXPECT_EQ(s.saml->person.name_attribute, "mail");
  EXPECT_EQ(s.saml->person.session, std::chrono::hours(2));
  EXPECT_EQ(s.ci_rules.size(), 1U);
  EXPECT_TRUE(needs_network(s));
}

TEST(OidcSettings, WithSamlATransmitterSaysWhosePeopleItsEventsAreAbout) {
  const std::string transmitter =
      kAccount +
      "[[identity.transmitter]]\npoll = \"https://idp.example/poll\"\n"
      "issuer = \"https://idp.example\"\naudience = \"veilwire\"\ntoken_file = \"/t\"\n";
  EXPECT_NE(complaint(transmitter, read_saml).find("people_issuer"), std::string::npos);
  const OidcSettings s = read_saml(transmitter + "people_issuer = \"https://idp.example/saml\"\n");
  ASSERT_EQ(s.transmitters.size(), 1U);
  EXPECT_EQ(s.transmitters[0].expected.issuer, "https://idp.example/saml");
  EXPECT_TRUE(needs_network(s));
}

TEST(OidcSettings, WhatBelongsToTheOtherProviderIsRefused) {
  for (const char* key : {"saml_socket", "subject_attribute", "groups_attribute", "name_attribute"})
    EXPECT_NE(complaint(kIssuer + key + " = \"x\"\n" + kAccount)
                  .find(std::string(key) + ": is of no use but with provider = \"saml\""),
              std::string::npos)
        << key;
  for (const char* line :
       {"issuer = \"https://idp.example\"", "client_id = \"x\"", "client_secret_file = \"/k\"",
        "scopes = [\"openid\"]", "groups_claim = [\"groups\"]", "redirect_path = \"/x\"",
        "cached_seconds = 900", "sender_constrained = \"dpop\""})
    EXPECT_NE(complaint(std::string(line) + "\n" + kAccount, read_saml)
                  .find("is of no use with provider = \"saml\""),
              std::string::npos)
        << line;
  EXPECT_NE(complaint("", read_saml).find("account: is missing"), std::string::npos);
  EXPECT_NE(complaint("name_attribute = \"a\\u0007\"\n" + kAccount, read_saml)
                .find("name_attribute: must be printable text"),
            std::string::npos);
}

TEST(OidcSettings, WhatCannotBeMeantIsRefusedWithItsPlace) {
  const struct {
    std::string toml, complaint;
  } all[] = {
      {"", "issuer: is missing"},
      {"issuer = \"http://idp.example\"\n", "f:2:10: [identity] issuer: must be an https address"},
      {"issuer = \"https://idp.example\"\n", "client_id: is missing"},
      {kIssuer, "account: is missing"},
      {kIssuer + "client_authentication = \"tls\"\n" + kAccount,
       "client_authentication: must be one of \"none\", \"secret_basic\""},
      {kIssuer + "client_authentication = \"secret_post\"\n" + kAccount,
       "client_secret_file: is missing"},
      {kIssuer + "client_key_file = \"/k\"\n" + kAccount, "client_key_file: is of no use"},
      {kIssuer + "sender_constrained = \"mtls\"\n" + kAccount,
       "sender_constrained: must be one of \"if_offered\", \"dpop\", \"none\""},
      {kIssuer + "client_authentication = \"certificate\"\nclient_key_file = \"/k\"\n" +
           "client_certificate_file = \"/c\"\nsender_constrained = \"dpop\"\n" + kAccount,
       "sender_constrained: is of no use with client_authentication = \"certificate\""},
      {kIssuer + "scopes = [\"profile\"]\n" + kAccount, "scopes: must have \"openid\""},
      {kIssuer + "cached_seconds = 10\n" + kAccount, "cached_seconds: must not be below"},
      {kIssuer + "hold_seconds = 21\n" + kAccount, "hold_seconds: must be a whole number"},
      {kIssuer + "redirect_path = \"callback\"\n" + kAccount, "redirect_path: must begin with /"},
      {kIssuer + "runner_users = [\"no such user\"]\n" + kAccount,
       "runner_users: there is no user"},
      {kIssuer + "[[identity.account]]\n", "account: needs exactly one of"},
      {kIssuer + "[[identity.account]]\nsubject = \"s\"\n", "subject: needs either user or uid"},
      {kIssuer + "[[identity.account]]\ngroup = \"g\"\n", "user: must be printable text"},
      {kIssuer + kAccount + "dmoain = \"x\"\n", "dmoain: unknown key"},
      {kJob, "rule \"deploys\": "},
      {kJob + "[[identity.ci.when]]\nclaim = [\"ref\"]\n", "when: needs exactly one of"},
      {kJob + "[[identity.ci.when]]\nclaim = [\"ref\"]\nmatches = [\"*\"]\n", "rule \"deploys\": "},
  };
  for (const auto& [toml, expected] : all)
    EXPECT_NE(complaint(toml).find(expected), std::string::npos)
        << toml << "\nwas refused with: " << complaint(toml);
}

TEST(OidcSettings, ASecretThatEverybodyReadsIsRefused) {
  const std::string path = ::testing::TempDir() + "veilwire_client_secret";
  std::ofstream(path) << "made-up-secret\n";
  ClientSettings client{
      .id = "veilwire", .method = identity::ClientMethod::SecretBasic, .secret_file = path};
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  EXPECT_THROW((void)make_client(client), std::runtime_error);
  ASSERT_EQ(::chmod(path.c_str(), 0400), 0);
  EXPECT_EQ(make_client(client).secret().reveal(), "made-up-secret");
  client.method = identity::ClientMethod::PrivateKeyJwt;
  client.key_file = path;
  EXPECT_THROW((void)make_client(client), std::runtime_error);
  std::filesystem::remove(path);
}

TEST(OidcSettings, AKeyMustServeItsAlgorithm) {
  const std::string path = ::testing::TempDir() + "veilwire_client_key";
  std::ofstream(path) << crypto::PrivateKey::generate().to_pem().reveal();
  ASSERT_EQ(::chmod(path.c_str(), 0400), 0);
  ClientSettings client{.id = "veilwire",
                        .method = identity::ClientMethod::PrivateKeyJwt,
                        .key_file = path,
                        .algorithm = crypto::SignatureAlgorithm::Es256};
  EXPECT_EQ(make_client(client).method(), identity::ClientMethod::PrivateKeyJwt);
  client.algorithm = crypto::SignatureAlgorithm::Rs256;
  EXPECT_THROW((void)make_client(client), std::runtime_error);
  client.algorithm.reset();
  EXPECT_EQ(make_client(client).method(), identity::ClientMethod::PrivateKeyJwt);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace veilwire::agent_identity
