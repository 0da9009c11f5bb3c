#include "userspace/policy/policy.h"

#include <gtest/gtest.h>

namespace veilwire::policy {
namespace {

Policy with_hosts(std::vector<Host> hosts) {
  Policy policy;
  policy.hosts = std::move(hosts);
  return policy;
}

ActionRule action_rule(std::string rule, std::string category, std::string direction,
                       std::string host, std::string group, Action action) {
  return {std::move(rule),
          std::move(category),
          std::move(direction),
          std::move(host),
          std::move(group),
          action,
          1};
}

Facts facts_of(Direction direction, std::string_view rule, std::string_view category) {
  Facts facts;
  facts.direction = direction;
  facts.rule = rule;
  facts.category = category;
  return facts;
}

TEST(FindHost, MatchesWithoutRegardToCaseAndFinalDot) {
  const Policy policy = with_hosts({{"api.anthropic.com", Service::Anthropic}});
  EXPECT_NE(find_host(policy, "api.anthropic.com"), nullptr);
  EXPECT_NE(find_host(policy, "API.Anthropic.COM"), nullptr);
  EXPECT_NE(find_host(policy, "api.anthropic.com."), nullptr);
}

TEST(FindHost, DoesNotMatchANameThatMerelyContainsOrExtendsIt) {
  const Policy policy = with_hosts({{"api.anthropic.com", Service::Anthropic}});
  for (const char* name :
       {"", ".", "anthropic.com", "xapi.anthropic.com", "api.anthropic.com.example.net",
        "api.anthropic.co", "api.anthropic.com..", "apixanthropic.com"})
    EXPECT_EQ(find_host(policy, name), nullptr) << name;
}

TEST(FindHost, AWildcardStandsForExactlyOneLabel) {
  const Policy policy = with_hosts({{"*.example.com", Service::Mcp}});
  EXPECT_NE(find_host(policy, "a.example.com"), nullptr);
  EXPECT_NE(find_host(policy, "A.EXAMPLE.com"), nullptr);
  for (const char* name :
       {"example.com", ".example.com", "a.b.example.com", "aexample.com", "a.example.org"})
    EXPECT_EQ(find_host(policy, name), nullptr) << name;
}

TEST(FindHost, AnExactNameWinsOverAWildcardInEitherOrder) {
  const Host exact{"api.example.com", Service::Anthropic}, wild{"*.example.com", Service::Mcp};
  for (const Policy& policy : {with_hosts({exact, wild}), with_hosts({wild, exact})}) {
    EXPECT_EQ(find_host(policy, "api.example.com")->speaks, Service::Anthropic);
    EXPECT_EQ(find_host(policy, "other.example.com")->speaks, Service::Mcp);
  }
}

TEST(Decide, WithoutActionsTheDefaultOfTheDirectionApplies) {
  Policy policy;
  policy.default_request = Action::Block;
  policy.default_response = Action::Pass;
  EXPECT_EQ(decide(policy, facts_of(Direction::Request, "r", "c")), Action::Block);
  EXPECT_EQ(decide(policy, facts_of(Direction::Response, "r", "c")), Action::Pass);
}

TEST(Decide, TheFirstActionWhoseConditionsAllHoldDecides) {
  Policy policy;
  policy.actions = {action_rule("key", "", "request", "", "", Action::Block),
                    action_rule("", "secret", "", "", "", Action::Mask),
                    action_rule("key", "", "", "", "", Action::Pass)};
  EXPECT_EQ(decide(policy, facts_of(Direction::Request, "key", "secret")), Action::Block);
  EXPECT_EQ(decide(policy, facts_of(Direction::Response, "key", "secret")), Action::Mask);
  EXPECT_EQ(decide(policy, facts_of(Direction::Response, "key", "custom")), Action::Pass);
}

TEST(Decide, AGroupNeverHoldsForSomebodyWhoIsNotKnown) {
  Policy policy;
  policy.actions = {action_rule("", "", "", "", "security", Action::Pass)};
  policy.default_response = Action::Block;
  identity::Person person;
  person.groups = {"staff", "security"};
  Facts facts = facts_of(Direction::Response, "r", "c");
  EXPECT_EQ(decide(policy, facts), Action::Block);
  facts.person = &person;
  EXPECT_EQ(decide(policy, facts), Action::Pass);
  person.groups = {"securit", "security2"};
  EXPECT_EQ(decide(policy, facts), Action::Block);
}

TEST(Decide, AnActionsHostMayBeAWildcard) {
  Policy policy;
  policy.actions = {action_rule("", "", "", "*.example.com", "", Action::Block)};
  Facts facts = facts_of(Direction::Response, "r", "c");
  facts.host = "a.example.com";
  EXPECT_EQ(decide(policy, facts), Action::Block);
  facts.host = "example.com";
  EXPECT_EQ(decide(policy, facts), Action::Mask);
}

TEST(StaleUntil, NobodyPassesWhereNothingIsSaid) {
  const Policy policy = with_hosts({{"a.example", Service::Mcp}});
  EXPECT_EQ(stale_until(policy, "a.example", {}), Monotonic{});
}

TEST(StaleUntil, TheFirstWhoseHostAndGroupHoldDecides) {
  using std::chrono::minutes;
  Policy policy = with_hosts({{"a.example", Service::Mcp}, {"b.example", Service::Mcp}});
  policy.stale = {{.group = "contractors", .host = "", .max_age = minutes(0)},
                  {.group = "on call", .host = "", .max_age = minutes(60)},
                  {.group = "", .host = "b.example", .max_age = minutes(5)}};
  const auto lasts = [&](std::string_view host, std::vector<std::string> groups) {
    identity::Person person;
    person.groups = std::move(groups);
    person.confirmed_at = {minutes(100)};
    return stale_until(policy, host, person);
  };
  EXPECT_EQ(lasts("a.example", {"on call"}), Monotonic{minutes(160)});
  EXPECT_EQ(lasts("b.example", {"on call"}), Monotonic{minutes(160)});
  EXPECT_EQ(lasts("b.example", {"staff"}), Monotonic{minutes(105)});
  EXPECT_EQ(lasts("a.example", {"staff"}), Monotonic{});
  EXPECT_EQ(lasts("b.example", {"on call", "contractors"}), Monotonic{});
}

TEST(Uninspected, EveryKindHasANameAndAnInitialAction) {
  const Policy policy;
  for (std::size_t i = 0; i < kUninspectedKinds; ++i) {
    const auto what = static_cast<Uninspected>(i);
    EXPECT_NE(to_string(what), "unknown");
    EXPECT_NE(uninspected_action(policy, what), Action::Mask);
  }
  EXPECT_EQ(to_string(static_cast<Uninspected>(kUninspectedKinds)), "unknown");
}

TEST(Observes, AsTheFirstScopeThatHoldsSaysAndElseAsThePolicy) {
  Policy policy;
  EXPECT_FALSE(observes(policy, "a.example", nullptr));
  EXPECT_EQ(observed_extent(policy), "");
  policy.mode = Mode::Observe;
  EXPECT_TRUE(observes(policy, "a.example", nullptr));
  EXPECT_EQ(observed_extent(policy), "observe");
  policy.scopes = {{.group = "pilot", .host = "*.example", .mode = Mode::Enforce},
                   {.group = "pilot", .host = "", .mode = Mode::Observe},
                   {.group = "", .host = "b.test", .mode = Mode::Enforce}};
  EXPECT_EQ(observed_extent(policy), "observe in part");
  identity::Person pilot;
  pilot.groups = {"pilot"};
  EXPECT_FALSE(observes(policy, "a.example", &pilot));
  EXPECT_TRUE(observes(policy, "b.test", &pilot));
  EXPECT_FALSE(observes(policy, "b.test", nullptr));
  EXPECT_TRUE(observes(policy, "a.example", nullptr));  // whom nobody knows is in no group
}

}  // namespace
}  // namespace veilwire::policy
