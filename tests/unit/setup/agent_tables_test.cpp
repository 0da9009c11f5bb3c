#include "agent/setup/agent_tables.h"

#include "agent/host/config.h"
#include "agent/setup/disk.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::setup {
namespace {

constexpr const char* kAnswers = R"(
[ca]
from = "made"
[identity]
provider = "oidc"
issuer = "https://idp.example.com"
[[identity.account]]
claim = ["uid"]
[[forwarder.sink]]
name = "collector"
kind = "otlp"
endpoint = "https://collector.example.com"
)";

std::string shipped() {
  return std::string(read_file(VEILWIRE_SOURCE_DIR "/packaging/agent.toml").reveal());
}

TEST(AgentTables, TheShippedConfigurationTakesThemAndKeepsEverythingElse) {
  const std::string tables = agent_tables(kAnswers, "answers");
  EXPECT_FALSE(says_tables(shipped(), tables, "agent.toml"));
  const std::string text = with_tables(shipped(), tables, "agent.toml");
  EXPECT_TRUE(says_tables(text, tables, "agent.toml"));
  const AgentFacts facts = agent_facts(text, "agent.toml");
  EXPECT_EQ(facts.provider, "oidc");
  EXPECT_TRUE(facts.has_sinks);
  EXPECT_FALSE(facts.has_credentials);
  EXPECT_EQ(facts.site_key, "/var/lib/veilwire/site.key");
  EXPECT_EQ(facts.ledger, "/var/lib/veilwire-recorder/ledger.db");
  for (const char* kept : {"# 32 random bytes, mode 0400", "/run/veilwire-identity/identity.sock",
                           "# Only where people sign in with SAML 2.0", "[recorder]"})
    EXPECT_NE(text.find(kept), std::string::npos) << kept;
  EXPECT_EQ(with_tables(text, tables, "agent.toml"), text);
}

TEST(AgentTables, OtherTablesKeepTheirBytes) {
  const std::string text =
      with_tables("# head\n[signer]\nuser = 'x' # mine\n\n# about [proxy]\n[proxy]\nport = 1\n",
                  "[signer]\nleaf_hours = 3\n", "agent.toml");
  EXPECT_NE(text.find("# head\n"), std::string::npos);
  EXPECT_NE(text.find("\n# about [proxy]\n[proxy]\nport = 1\n"), std::string::npos) << text;
  EXPECT_TRUE(says_tables(text, "[signer]\nuser = 'x'\nleaf_hours = 3\n", "agent.toml"));
}

TEST(AgentTables, ATableThatIsNotThereIsAdded) {
  const std::string text = with_tables("[signer]\n", "[saml]\nentity_id = 'x'\n", "agent.toml");
  EXPECT_TRUE(says_tables(text, "[saml]\nentity_id = 'x'\n", "agent.toml")) << text;
}

TEST(AgentTables, AnUnknownKeyIsRefusedAtAnyDepth) {
  const auto complaint = [](const std::string& toml) -> std::string {
    try {
      (void)agent_tables(toml, "answers");
      return {};
    } catch (const host::ConfigError& e) {
      return e.what();
    }
  };
  EXPECT_EQ(complaint("[forwarder]\n[[forwarder.sink]]\nnam = 'x'\n").substr(0, 34),
            "answers:3:1: [forwarder] nam: unkn");
  EXPECT_EQ(complaint("[identity]\nsource = 'x'\n").substr(0, 12), "answers:2:1:");
  EXPECT_NE(complaint("[witness]\nkey = 'x'\n"), "");
  EXPECT_NE(complaint("identity = 3\n"), "");
}

}  // namespace
}  // namespace veilwire::setup
