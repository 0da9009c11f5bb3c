#include "agent/identity/machine_settings.h"

#include "agent/identity/oidc_settings.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::agent_identity {
namespace {

OidcSettings read(const std::string& toml) {
  const auto section = host::Config::parse("[identity]\n" + toml, "f").section("identity");
  OidcSettings settings = read_oidc_settings(section);
  section.check();
  return settings;
}
std::string complaint(const std::string& toml) {
  try {
    (void)read(toml);
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}
bool says(const std::string& toml, std::string_view what) {
  return complaint(toml).find(what) != std::string::npos;
}

const std::string kMachine =
    "[[identity.machine]]\nname = \"import\"\nunits = [\"import.service\"]\n"
    "issuer = \"https://idp.example\"\nclient_id = \"import\"\n";
const std::string kByKey =
    "client_authentication = \"private_key_jwt\"\nclient_key_file = \"/k\"\n";

TEST(MachineSettings, MachinesAloneNeedNoPeople) {
  const OidcSettings s = read(kMachine + kByKey);
  EXPECT_FALSE(s.issuer);
  ASSERT_EQ(s.machines.size(), 1U);
  const MachineSettings& machine = s.machines.front();
  EXPECT_EQ(machine.rule.name, "import");
  EXPECT_EQ(machine.rule.units, std::vector<std::string>{"import.service"});
  EXPECT_EQ(machine.issuer.text, "https://idp.example");
  EXPECT_EQ(machine.client.method, identity::ClientMethod::PrivateKeyJwt);
  EXPECT_FALSE(machine.client.algorithm);
  EXPECT_TRUE(machine.audience.empty());
}

TEST(MachineSettings, AllOfThemAreRead) {
  const OidcSettings s =
      read(kMachine + kByKey +
           "client_key_id = \"k1\"\nclient_key_algorithm = \"RS256\"\nusers = [\"0:0\"]\n"
           "groups = [\"importers\"]\nscopes = [\"a\", \"b\"]\nresource = \"r\"\naudience = \"u\"\n"
           "[[identity.machine]]\nname = \"other\"\nunits = [\"/jobs/other\"]\n"
           "issuer = \"https://idp.example\"\nclient_id = \"other\"\n"
           "client_authentication = \"certificate\"\nclient_key_file = \"/k\"\n"
           "client_certificate_file = \"/c\"\n");
  ASSERT_EQ(s.machines.size(), 2U);
  const MachineSettings& machine = s.machines.front();
  EXPECT_EQ(machine.client.key_id, "k1");
  EXPECT_EQ(machine.client.algorithm, crypto::SignatureAlgorithm::Rs256);
  EXPECT_EQ(machine.rule.users, std::vector<std::uint32_t>{0});
  EXPECT_EQ(machine.rule.groups, std::vector<std::string>{"importers"});
  EXPECT_EQ(machine.scope, "a b");
  EXPECT_EQ(machine.resource, "r");
  EXPECT_EQ(machine.audience, "u");
  EXPECT_EQ(s.machines[1].client.method, identity::ClientMethod::Certificate);
  EXPECT_EQ(s.machines[1].client.certificate_file, "/c");
}

TEST(MachineSettings, TheIssuerOfPeopleIsThatOfMachines) {
  const OidcSettings s = read(
      "issuer = \"https://people.example\"\nclient_id = \"veilwire\"\n"
      "[[identity.account]]\nclaim = [\"preferred_username\"]\n"
      "[[identity.machine]]\nname = \"import\"\nunits = [\"import.service\"]\n"
      "client_id = \"import\"\n" +
      kByKey);
  EXPECT_EQ(s.machines.front().issuer.text, "https://people.example");
}

TEST(MachineSettings, WhatCannotBeMeantIsRefusedWithItsPlace) {
  EXPECT_TRUE(says(kMachine, "client_authentication: is missing"));
  EXPECT_TRUE(says(kMachine + "client_authentication = \"private_key_jwt\"\n",
                   "client_key_file: is missing"));
  EXPECT_TRUE(says(kMachine + "client_authentication = \"certificate\"\nclient_key_file = \"/k\"\n",
                   "client_certificate_file: is missing"));
  EXPECT_TRUE(says(kMachine + kByKey + "client_certificate_file = \"/c\"\n", "of no use"));
  EXPECT_TRUE(says(kMachine + kByKey + "users = [\"nobody-of-that-name\"]\n", "there is no user"));
  EXPECT_TRUE(says(kMachine + kByKey + "unit = \"a.service\"\n", "unit"));
  EXPECT_TRUE(says(kMachine + kByKey + kMachine + kByKey, "the name of another"));
  EXPECT_TRUE(
      says("[[identity.machine]]\nname = \"import\"\nunits = [\"import.service\"]\n"
           "client_id = \"import\"\n" +
               kByKey,
           "issuer: is missing"));
  EXPECT_TRUE(
      says("[[identity.machine]]\nname = \"import\"\nunits = [\"system.slice\"]\n"
           "issuer = \"https://idp.example\"\nclient_id = \"import\"\n" +
               kByKey,
           "units"));
}

}  // namespace
}  // namespace veilwire::agent_identity
