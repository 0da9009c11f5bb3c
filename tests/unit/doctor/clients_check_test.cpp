#include "agent/doctor/clients_check.h"

#include "agent/doctor/report.h"
#include "tests/unit/doctor/finding_matchers.h"

#include <gtest/gtest.h>

namespace veilwire::doctor {
namespace {

using testing::HasSubstr;
using testing::Not;

ClientFacts facts_with(std::map<std::string, std::string> variables) {
  ClientFacts facts;
  facts.environments = {
      {.where = "process 12 (claude)", .for_all = false, .variables = std::move(variables)}};
  facts.policy_hosts = {"api.anthropic.com", "*.gateway.example"};
  facts.unwatched.emplace();
  return facts;
}

Findings check(std::map<std::string, std::string> variables) {
  Findings found = check_clients(facts_with(std::move(variables)));
  EXPECT_TRUE(all_say_what_to_do(found));
  return found;
}

TEST(ClientsCheck, VersionsAreComparedAsNumbers) {
  EXPECT_TRUE(older("2.1.99", "2.1.101"));
  EXPECT_FALSE(older("2.1.101", "2.1.101"));
  EXPECT_FALSE(older("2.2", "2.1.101"));
  EXPECT_TRUE(older("v20.20.2", "22.15.0"));
  EXPECT_TRUE(older("", "1"));
}

TEST(ClientsCheck, AnEnvironmentWithNothingInTheWayIsOk) {
  EXPECT_TRUE(all_ok(check({{"CLAUDE_CODE_CERT_STORE", "bundled,system"},
                            {"ANTHROPIC_BASE_URL", "https://API.anthropic.com:443/v1"},
                            {"CLAUDE_CODE_USE_BEDROCK", "0"},
                            {"NODE_TLS_REJECT_UNAUTHORIZED", "1"}})));
  EXPECT_TRUE(all_ok(check({{"ANTHROPIC_BASE_URL", "https://eu.gateway.example/x"}})));
}

TEST(ClientsCheck, EachQuirkHasItsId) {
  EXPECT_TRUE(has(check({{"CLAUDE_CODE_CERT_STORE", "bundled"}}), "client-store"));
  EXPECT_TRUE(has(check({{"https_proxy", "http://proxy.example:3128"}}), "client-proxy"));
  EXPECT_TRUE(has(check({{"ALL_PROXY", "socks5://127.0.0.1:1080"}}), "client-proxy"));
  EXPECT_TRUE(
      has(check({{"ANTHROPIC_BASE_URL", "https://a.b.gateway.example"}}), "client-base-url"));
  EXPECT_TRUE(has(check({{"CLAUDE_CODE_USE_VERTEX", "1"}}), "client-provider"));
  EXPECT_TRUE(has(check({{"NODE_TLS_REJECT_UNAUTHORIZED", "0"}}), "client-unverified"));
}

TEST(ClientsCheck, AProxyThatHostsOfThePolicyAreSparedIsNone) {
  const auto found = [](const char* spared) {
    return has(check({{"HTTPS_PROXY", "http://proxy.example:3128"}, {"NO_PROXY", spared}}),
               "client-proxy");
  };
  for (const char* spared : {"*", "api.anthropic.com, gateway.example", ".anthropic.com,*.example"})
    EXPECT_FALSE(found(spared)) << spared;
  for (const char* spared : {"", "api.anthropic.com", "thropic.com,gateway.example"})
    EXPECT_TRUE(found(spared)) << spared;
}

TEST(ClientsCheck, NothingOfAUrlButItsHostIsShown) {
  for (const char* url : {"http://user:hunter2@proxy.example:3128", "user:hunter2@proxy.example",
                          "http://a@b:hunter2@proxy.example/hunter2?key=hunter2#hunter2"}) {
    const Findings found = check({{"HTTPS_PROXY", url}, {"ANTHROPIC_BASE_URL", url}});
    const std::string text = to_text(found, true) + to_json(found);
    EXPECT_THAT(text, HasSubstr("proxy.example")) << url;
    EXPECT_THAT(text, Not(HasSubstr("hunter2"))) << url;
  }
}

TEST(ClientsCheck, OldClientsAndOldNodeAreFoundUnlessManagedSettingsHelp) {
  ClientFacts facts = facts_with({});
  facts.installs = {{"/home/a/.local/share/claude/versions/2.1.99", "2.1.99", false},
                    {"/usr/lib/node_modules/@anthropic-ai/claude-code", "2.1.120", true},
                    {"/home/b/.local/share/claude/versions/2.1.120", "2.1.120", false}};
  facts.node_version = "20.20.2";
  const Findings found = check_clients(facts);
  EXPECT_EQ(finding_of(found, "client-version").subject,
            "/home/a/.local/share/claude/versions/2.1.99");
  EXPECT_EQ(finding_of(found, "client-node").subject,
            "/usr/lib/node_modules/@anthropic-ai/claude-code");
  EXPECT_EQ(found.size(), 2U);

  facts.environments.push_back({.where = "/etc/claude-code/managed-settings.json",
                                .for_all = true,
                                .variables = {{"NODE_EXTRA_CA_CERTS", "/etc/veilwire/ca.pem"}}});
  EXPECT_TRUE(all_ok(check_clients(facts)));
}

TEST(ClientsCheck, AClientThatNobodyWatchesIsFound) {
  ClientFacts facts = facts_with({});
  facts.unwatched = {"process 12 (claude)"};
  EXPECT_EQ(severity_of(check_clients(facts), "client-unwatched"), Severity::Warning);
}

TEST(ClientsCheck, WhoDoesNotSeeEverybodysClientsSaysSo) {
  ClientFacts facts = facts_with({});
  facts.every_home_was_read = false;
  EXPECT_EQ(severity_of(check_clients(facts), "client-homes"), Severity::Unseen);
  EXPECT_FALSE(has(check_clients(facts), "clients"));
}

}  // namespace
}  // namespace veilwire::doctor
