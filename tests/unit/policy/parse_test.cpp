#include "userspace/policy/policy.h"
#include "userspace/policy/strict_reader.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::policy {
namespace {

constexpr std::string_view kHost = "[[host]]\nname = \"a.example\"\nspeaks = \"mcp\"\n";

// What a policy of these lines and one host is refused with: "line:column: message" for each error.
std::string refusal(std::string_view lines) {
  const auto policy = parse_reporting_all(std::string(lines) + "\n" + std::string(kHost), "p");
  if (policy) return "accepted";
  std::string all;
  for (const PolicyError& error : policy.error()) all += to_string(error).substr(2) + "\n";
  return all;
}

testing::AssertionResult refused(std::string_view lines, std::string_view start,
                                 std::string_view part = {}) {
  const std::string got = refusal(lines);
  if (got.starts_with(start) && got.find(part) != std::string::npos)
    return testing::AssertionSuccess();
  return testing::AssertionFailure() << "for\n" << lines << "\ngot\n" << got;
}

TEST(ParsePolicy, ReadsEveryKey) {
  const std::string text = R"(
mode = "observe"
ports = [443, 8443]
[[scope]]
group = "pilot"
host = "a.mcp.example.com"
mode = "enforce"
[[scope]]
host = "api.anthropic.com"
mode = "observe"
[[host]]
name = "api.anthropic.com"
speaks = "anthropic"
[[host]]
name = "*.mcp.example.com"
speaks = "mcp"
[[host]]
name = "xn--bcher-kva.example"
speaks = "generic"
[rules]
packs = ["rules/default.toml", "/etc/veilwire/own.toml"]
[[action]]
rule = "private-key"
category = "secret"
direction = "request"
host = "a.mcp.example.com"
group = "Domain Users"
action = "block"
[[action]]
category = "pii"
action = "pass"
[default]
request = "mask"
response = "block"
[uninspected]
unknown_coding = "pass"
over_limit = "pass"
not_text = "block"
upgrade = "pass"
no_server_name = "block"
not_tls = "block"
malformed = "pass"
[[stale]]
host = "*.mcp.example.com"
group = "contractors"
action = "block"
[[stale]]
action = "pass"
max_age_minutes = 240
[record]
strength = "committed"
)";
  const auto policy = parse(text, "all.toml");
  ASSERT_TRUE(policy) << to_string(policy.error());
  EXPECT_EQ(policy->ports, (std::vector<std::uint16_t>{443, 8443}));
  ASSERT_EQ(policy->hosts.size(), 3U);
  EXPECT_EQ(policy->hosts[1].name, "*.mcp.example.com");
  EXPECT_EQ(policy->hosts[0].speaks, Service::Anthropic);
  EXPECT_EQ(policy->hosts[2].speaks, Service::Generic);
  EXPECT_EQ(policy->rule_packs,
            (std::vector<std::string>{"rules/default.toml", "/etc/veilwire/own.toml"}));
  ASSERT_EQ(policy->actions.size(), 2U);
  const ActionRule& rule = policy->actions[0];
  EXPECT_EQ(rule.rule, "private-key");
  EXPECT_EQ(rule.category, "secret");
  EXPECT_EQ(rule.direction, "request");
  EXPECT_EQ(rule.host, "a.mcp.example.com");
  EXPECT_EQ(rule.group, "Domain Users");
  EXPECT_EQ(rule.action, Action::Block);
  EXPECT_EQ(rule.line, 22U);
  EXPECT_EQ(policy->mode, Mode::Observe);
  ASSERT_EQ(policy->scopes.size(), 2U);
  EXPECT_EQ(policy->scopes[0].group, "pilot");
  EXPECT_EQ(policy->scopes[0].host, "a.mcp.example.com");
  EXPECT_EQ(policy->scopes[0].mode, Mode::Enforce);
  EXPECT_EQ(policy->scopes[1].mode, Mode::Observe);
  ASSERT_EQ(policy->stale.size(), 2U);
  EXPECT_EQ(policy->stale[0].host, "*.mcp.example.com");
  EXPECT_EQ(policy->stale[0].group, "contractors");
  EXPECT_EQ(policy->stale[0].max_age, std::chrono::minutes(0));
  EXPECT_EQ(policy->stale[1].max_age, std::chrono::minutes(240));
  EXPECT_EQ(policy->default_request, Action::Mask);
  EXPECT_EQ(policy->default_response, Action::Block);
  const Action expected[] = {Action::Pass,  Action::Pass,  Action::Block, Action::Pass,
                             Action::Block, Action::Block, Action::Pass};
  for (std::size_t i = 0; i < kUninspectedKinds; ++i)
    EXPECT_EQ(policy->uninspected[i], expected[i]) << i;
  EXPECT_EQ(policy->strength, RecordStrength::Committed);
  EXPECT_EQ(policy->source, "all.toml");
}

// A policy of one host with these lines behind its name.
std::string with_host(std::string_view lines) {
  return "[[host]]\nname = \"a.example\"\nspeaks = \"anthropic\"\n" + std::string(lines);
}
std::string host_refusal(std::string_view lines) {
  const auto policy = parse(with_host(lines), "p");
  return policy ? "accepted" : to_string(policy.error());
}

TEST(ParsePolicy, AHostNamesTheCredentialOfEachGroup) {
  const auto policy =
      parse(with_host("credential_required = true\ncredential_drops = [\"cookie\"]\n"
                      "[[host.credential]]\ngroup = \"Research\"\nuse = \"one\"\n"
                      "[[host.credential]]\nuse = \"other\"\n"),
            "p");
  ASSERT_TRUE(policy);
  const Host& host = policy->hosts.at(0);
  EXPECT_EQ(host.credential_field, "x-api-key");
  EXPECT_FALSE(host.credential_bearer);
  EXPECT_TRUE(host.credential_required);
  EXPECT_EQ(host.drops, std::vector<std::string>{"cookie"});
  identity::Person person;
  EXPECT_EQ(find_credential(host, &person)->use, "other");
  person.groups = {"Staff", "Research"};
  EXPECT_EQ(find_credential(host, &person)->use, "one");
  EXPECT_EQ(find_credential(host, nullptr), nullptr);
  EXPECT_EQ(find_credential(Host{}, &person), nullptr);
}

TEST(ParsePolicy, ACredentialGoesIntoOneField) {
  const std::string use = "[[host.credential]]\nuse = \"one\"\n";
  const auto bearer = parse(with_host("credential_as = \"bearer\"\n" + use), "p");
  ASSERT_TRUE(bearer);
  EXPECT_TRUE(bearer->hosts.at(0).credential_bearer);
  EXPECT_EQ(bearer->hosts.at(0).credential_field, "authorization");
  const auto named = parse(with_host("credential_as = \"api-key\"\n" + use), "p");
  ASSERT_TRUE(named);
  EXPECT_EQ(named->hosts.at(0).credential_field, "api-key");
  for (const char* bad : {"X-Api-Key", "host", "transfer-encoding", "a b", "a:"})
    EXPECT_TRUE(
        host_refusal("credential_as = \"" + std::string(bad) + "\"\n" + use).starts_with("p:4:"))
        << bad;
}

TEST(ParsePolicy, ACredentialThatNobodyIsGivenIsRefused) {
  const auto says = [](const std::string& lines, const char* part) {
    return host_refusal(lines).find(part) != std::string::npos;
  };
  EXPECT_TRUE(says("credential_required = true\n", "without a [[host.credential]]"));
  EXPECT_TRUE(says("[[host.credential]]\ngroup = \"g\"\n", "use is missing"));
  EXPECT_TRUE(says("[[host.credential]]\nuse = \"A b\"\n", "one word"));
  EXPECT_TRUE(says("[[host.credential]]\nuse = \"a\"\nkey = \"sk\"\n", "key"));
  EXPECT_TRUE(says("[[host.credential]]\nuse = \"a\"\n[[host.credential]]\nuse = \"b\"\n",
                   "never reached"));
}

TEST(ParsePolicy, WhatIsLeftOutKeepsItsInitialValue) {
  const auto policy = parse(kHost, "p");
  ASSERT_TRUE(policy) << to_string(policy.error());
  const Policy initial;
  EXPECT_EQ(policy->ports, initial.ports);
  EXPECT_EQ(policy->default_request, initial.default_request);
  EXPECT_EQ(policy->default_response, initial.default_response);
  for (std::size_t i = 0; i < kUninspectedKinds; ++i)
    EXPECT_EQ(policy->uninspected[i], initial.uninspected[i]);
  EXPECT_EQ(policy->strength, initial.strength);
}

TEST(ParsePolicy, TheDigestIsThatOfTheFilesBytes) {
  const auto policy = parse("[[host]]\nname = 'a.b'\nspeaks = 'mcp'\n", "p");
  ASSERT_TRUE(policy) << to_string(policy.error());
  // printf "[[host]]\nname = 'a.b'\nspeaks = 'mcp'\n" | sha256sum
  EXPECT_EQ(policy->digest, "76dafd0d43d7d45a6ed97958fd0d3b34fa585247b9ff28ab291f93eb9ad74045");
}

TEST(ParsePolicy, WhatIsNotTomlIsRefusedWhereItBreaks) {
  EXPECT_TRUE(refused("a = = 1", "1:5: "));
  EXPECT_TRUE(refused("[default]\nrequest = \"pass\"\nrequest = \"mask\"", "3:"));
  EXPECT_TRUE(refused("a = \"\xff\"", "1:"));
  EXPECT_TRUE(refused("a = " + std::string(100'000, '['), "1:"));
}

TEST(ParsePolicy, UnknownKeysAreRefusedWithTheNearestKnownOne) {
  EXPECT_TRUE(refused("[default]\nrespnse = \"mask\"", "2:1: unknown key \"respnse\" in [default]",
                      "did you mean \"response\"? Allowed: \"request\", \"response\""));
  EXPECT_TRUE(refused("[defaults]\nresponse = \"mask\"", "1:", "did you mean \"default\"?"));
  EXPECT_TRUE(refused("port = [443]", "1:1: unknown key \"port\"", "did you mean \"ports\"?"));
  EXPECT_TRUE(refused("[uninspected]\nwebsocket = \"block\"", "2:1: unknown key \"websocket\"",
                      "Allowed: \"unknown_coding\""));
  EXPECT_TRUE(refused("[[action]]\ncategory = \"pii\"\nusers = [\"a\"]\naction = \"pass\"",
                      "3:1: unknown key \"users\" in [[action]]", "\"group\""));
  EXPECT_TRUE(refused("[rules]\npack = [\"a\"]", "2:1: unknown key", "did you mean \"packs\"?"));
  EXPECT_TRUE(
      refused("[record]\nstrenght = \"handed\"", "2:1: unknown key", "did you mean \"strength\"?"));
}

TEST(ParsePolicy, ValuesOfAnotherTypeAreRefused) {
  EXPECT_TRUE(refused("ports = 443", "1:9: ports must be a list, not an integer"));
  EXPECT_TRUE(refused("ports = [\"443\"]", "1:10: a port is a whole number"));
  EXPECT_TRUE(refused("ports = [443.0]", "1:10: a port is a whole number"));
  EXPECT_TRUE(refused("rules = \"a\"", "1:9: rules is a section", "[rules]"));
  EXPECT_TRUE(refused("[rules]\npacks = \"a\"", "2:9: packs in [rules] must be a list"));
  EXPECT_TRUE(refused("[rules]\npacks = [1]",
                      "2:10: packs in [rules] is a list of strings; this is an integer"));
  EXPECT_TRUE(refused("[action]\ncategory = \"pii\"", "1:1: action is a list", "[[action]]"));
  EXPECT_TRUE(refused("action = [1]", "1:11: action is a list of tables", "[[action]]"));
  EXPECT_TRUE(refused("[default]\nrequest = true",
                      "2:11: request in [default] must be a string, not true or false"));
  EXPECT_TRUE(refused("[default]\nrequest = 2026-11-23", "2:11: ", "not a date"));
}

TEST(ParsePolicy, BadWordsAreRefusedWithWhatIsAllowed) {
  EXPECT_TRUE(refused("[default]\nrequest = \"maks\"",
                      "2:11: \"maks\" is no value of request in [default]",
                      "did you mean \"mask\"? Allowed: \"pass\", \"mask\", \"block\""));
  EXPECT_TRUE(refused("[default]\nrequest = \"MASK\"", "2:11: \"MASK\"", "did you mean \"mask\"?"));
  EXPECT_TRUE(
      refused("[uninspected]\nupgrade = \"mask\"", "2:11: \"mask\"", "\"pass\", \"block\""));
  EXPECT_TRUE(
      refused("[record]\nstrength = \"sync\"", "2:12: ", "Allowed: \"handed\", \"committed\""));
  EXPECT_TRUE(refused("[[action]]\ndirection = \"both\"\naction = \"pass\"",
                      "2:13: ", "\"request\", \"response\""));
}

TEST(ParsePolicy, PortsAreDistinctAndInRange) {
  EXPECT_TRUE(refused("ports = [0]", "1:10: a port", "1 to 65535"));
  EXPECT_TRUE(refused("ports = [65536]", "1:10: a port"));
  EXPECT_TRUE(refused("ports = [-1]", "1:10: a port"));
  EXPECT_TRUE(refused("ports = [443, 443]", "1:15: port 443 stands in the list twice"));
  EXPECT_TRUE(refused("ports = []", "1:9: ports is empty"));
}

TEST(ParsePolicy, HostNamesAreWhatCanStandInTls) {
  const auto host = [](const std::string& name) {
    return "[[host]]\nname = \"" + name + "\"\nspeaks = \"mcp\"";
  };
  EXPECT_TRUE(refused(host("https://api.example.com"), "2:8: ", "without scheme"));
  EXPECT_TRUE(refused(host("api.example.com/v1"), "2:8: ", "without scheme or path"));
  EXPECT_TRUE(refused(host("api.example.com:443"), "2:8: ", "without a port"));
  EXPECT_TRUE(refused(host("API.example.com"), "2:8: ", "lower case"));
  EXPECT_TRUE(refused(host("api.example.com."), "2:8: ", "final dot"));
  EXPECT_TRUE(refused(host("*"), "2:8: ", "wildcard"));
  EXPECT_TRUE(refused(host("*.com"), "2:8: ", "top-level"));
  EXPECT_TRUE(refused(host("api.*.com"), "2:8: ", "first label"));
  EXPECT_TRUE(refused(host("a*.example.com"), "2:8: ", "first label"));
  EXPECT_TRUE(refused(host("*.*.example.com"), "2:8: ", "first label"));
  EXPECT_TRUE(refused(host("203.0.113.7"), "2:8: ", "address"));
  EXPECT_TRUE(refused(host("2001:db8::7"), "2:8: ", "no host"));
  EXPECT_TRUE(refused(host("b\u00fccher.example"), "2:8: ", "xn--"));
  EXPECT_TRUE(refused(host("a..example"), "2:8: ", "1 to 63"));
  EXPECT_TRUE(refused(host("-a.example"), "2:8: ", "'-'"));
  EXPECT_TRUE(refused(host(std::string(64, 'a') + ".example"), "2:8: ", "1 to 63"));
  EXPECT_TRUE(refused(host(""), "2:8: ", "empty"));
}

TEST(ParsePolicy, AHostIsListedOnceAndWhole) {
  EXPECT_TRUE(
      refused("[[host]]\nname = \"x.example\"\nspeaks = \"mcp\"\n"
              "[[host]]\nname = \"x.example\"\nspeaks = \"generic\"",
              "5:8: host \"x.example\" is already listed in line 2"));
  EXPECT_TRUE(refused("[[host]]\nspeaks = \"mcp\"", "1:1: name is missing in [[host]]"));
  EXPECT_TRUE(refused("[[host]]\nname = \"x.example\"", "1:1: speaks is missing in [[host]]"));
  EXPECT_TRUE(refused("[[host]]\nname = \"x.example\"\nspeaks = \"claude\"",
                      "3:10: ", "\"anthropic\", \"mcp\", \"generic\""));
}

TEST(ParsePolicy, APolicyThatInterceptsNothingIsRefused) {
  const auto policy = parse("ports = [443]\n", "p");
  ASSERT_FALSE(policy);
  EXPECT_NE(policy.error().message.find("[[host]]"), std::string::npos);
}

TEST(ParsePolicy, ActionsThatCanNeverApplyAreRefused) {
  EXPECT_TRUE(
      refused("[[action]]\naction = \"pass\"", "1:1: [[action]] without a condition", "[default]"));
  EXPECT_TRUE(refused("[[action]]\ncategory = \"pii\"", "1:1: action is missing"));
  EXPECT_TRUE(
      refused("[[action]]\ncategory = \"pii\"\naction = \"pass\"\n"
              "[[action]]\ncategory = \"pii\"\ngroup = \"g\"\naction = \"mask\"",
              "4:1: [[action]] is never reached: the one in line 1"));
  EXPECT_TRUE(refused("[[action]]\nhost = \"b.example\"\naction = \"pass\"",
                      "2:8: no [[host]] of this policy"));
  EXPECT_TRUE(refused("[[action]]\nrule = \"two words\"\naction = \"pass\"",
                      "2:8: rule in [[action]] is one word"));
  EXPECT_TRUE(
      refused("[[action]]\ncategory = \"PII\"\naction = \"pass\"", "2:12: category in [[action]]"));
  EXPECT_TRUE(
      refused("[[action]]\ngroup = \"\"\naction = \"pass\"", "2:9: group in [[action]] is empty"));
}

TEST(ParsePolicy, WhoIsStalePassesForAStatedTimeOrNot) {
  const std::string pass = "[[stale]]\naction = \"pass\"\n";
  EXPECT_TRUE(refused("[[stale]]\ngroup = \"g\"", "1:1: action is missing"));
  EXPECT_TRUE(refused("[[stale]]\naction = \"mask\"", "2:10: \"mask\" is no value"));
  EXPECT_TRUE(refused(pass, "1:1: max_age_minutes is missing"));
  EXPECT_TRUE(refused(pass + "max_age_minutes = 0", "3:19: max_age_minutes is a whole number"));
  EXPECT_TRUE(refused(pass + "max_age_minutes = 10081", "3:19: max_age_minutes", "1 to 10080"));
  EXPECT_TRUE(refused(pass + "max_age_minutes = \"long\"", "3:19: max_age_minutes in [[stale]]"));
  EXPECT_TRUE(refused("[[stale]]\naction = \"block\"\nmax_age_minutes = 1",
                      "3:19: max_age_minutes belongs to action"));
  EXPECT_TRUE(refused(pass + "max_age_minutes = 1\nhost = \"b.example\"", "4:8: no [[host]]"));
  EXPECT_TRUE(refused(pass + "max_age_minutes = 1\n[[stale]]\ngroup = \"g\"\naction = \"block\"",
                      "4:1: [[stale]] is never reached: the one in line 1"));
}

TEST(ParsePolicy, ARefusedConditionDoesNotMakeItsActionShadowOthers) {
  const std::string got = refusal(
      "[[action]]\ngroup = 1\naction = \"pass\"\n[[action]]\ncategory = \"pii\"\naction = "
      "\"mask\"");
  EXPECT_EQ(got.find("never reached"), std::string::npos) << got;
}

TEST(ParsePolicy, ANarrowerActionBeforeAWiderOneIsFine) {
  EXPECT_EQ(refusal("[[action]]\ncategory = \"pii\"\ngroup = \"g\"\naction = \"mask\"\n"
                    "[[action]]\ncategory = \"pii\"\naction = \"pass\"\n"
                    "[[action]]\nrule = \"x\"\naction = \"block\"\n"
                    "[[action]]\nhost = \"a.example\"\naction = \"pass\"\n"),
            "accepted");
}

TEST(ParsePolicy, RulePacksAreNamedOnce) {
  EXPECT_TRUE(
      refused("[rules]\npacks = [\"a.toml\", \"a.toml\"]", "2:20: rule pack \"a.toml\"", "twice"));
  EXPECT_TRUE(refused("[rules]\npacks = [\"\"]", "2:10: an empty string"));
}

TEST(ParsePolicy, AllErrorsAreReportedInTheOrderOfTheFile) {
  const std::string got =
      refusal("ports = [0]\n[default]\nresponse = \"no\"\nrequest = \"no\"\nfoo = 1\n");
  const auto first = got.find("1:10: "), second = got.find("3:12: "), third = got.find("4:11: "),
             last = got.find("5:1: ");
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_LT(third, last);
  EXPECT_NE(last, std::string::npos) << got;
  EXPECT_EQ(parse("ports = [0]\n" + std::string(kHost), "p").error().line, 1U);
}

TEST(ParsePolicy, AVeryLongWordIsCutInTheMessage) {
  EXPECT_LT(refusal("[default]\nrequest = \"" + std::string(100'000, 'a') + "\"").size(), 400U);
}

TEST(Nearest, FindsAMisspellingAndNothingFarAway) {
  const std::vector<std::string_view> known = {"request", "response", "mask"};
  EXPECT_EQ(nearest("reqeust", known), "request");
  EXPECT_EQ(nearest("masks", known), "mask");
  EXPECT_EQ(nearest("MASK", known), "mask");
  EXPECT_EQ(nearest("colour", known), "");
  EXPECT_EQ(nearest(std::string(1000, 'a'), known), "");
  EXPECT_EQ(nearest("", known), "");
}

TEST(ParsePolicy, RefusesAModeThatIsNoneAndAScopeThatIsNoneOrNeverReached) {
  EXPECT_TRUE(refused("mode = \"watch\"", "1:8:", "Allowed: \"enforce\", \"observe\""));
  EXPECT_TRUE(refused("[[scope]]\nmode = \"observe\"", "1:", "without a condition"));
  EXPECT_TRUE(refused("[[scope]]\ngroup = \"a\"", "1:", "mode is missing"));
  EXPECT_TRUE(refused("[[scope]]\nhost = \"b.example\"\nmode = \"observe\"",
                      "2:8:", "this would never apply"));
  EXPECT_TRUE(
      refused("[[scope]]\ngroup = \"a\"\nmode = \"observe\"\n[[scope]]\ngroup = \"a\"\n"
              "host = \"a.example\"\nmode = \"enforce\"",
              "4:", "never reached"));
}

}  // namespace
}  // namespace veilwire::policy
