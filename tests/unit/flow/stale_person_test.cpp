// The identity provider has not answered for longer than its word on the person counts: whether
// they pass is for policy to say, and every request that passes says that it did so.
#include "tests/unit/flow/relay_fixture.h"

#include <chrono>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kOnCall = R"(
[[host]]
name = "api.anthropic.com"
speaks = "anthropic"
[[stale]]
group = "on call"
action = "pass"
max_age_minutes = 60
)";

class StalePerson : public RelayTest {
 protected:
  explicit StalePerson(std::string_view policy = kOnCall)
      : RelayTest("api.anthropic.com", policy::Service::Anthropic, policy) {
    now.mono = {minutes(120)};
    ada.groups = {"on call"};
    ada.standing = identity::Standing::Stale;
    ada.confirmed_at = now.mono + -minutes(20);
    ada.valid_until = now.mono + seconds(90);
    relay.identity_doubted();
  }
  void ask(std::string_view body = "{}") {
    client(post(body));
    relay.identity_known(ada, now);
  }
  void expect_refused() {
    EXPECT_THAT(sink.client, StartsWith("HTTP/1.1 403 "));
    EXPECT_THAT(sink.client, HasSubstr("permission_error"));
    EXPECT_THAT(sink.client, HasSubstr("the session of ada cannot be checked: the identity "
                                       "provider has not answered for "));
    EXPECT_EQ(sink.upstream, "");
    EXPECT_EQ(sink.outcome(), "identity refused");
  }

  identity::Person ada = person();
};
class StalePersonWithoutAWord : public StalePerson {
 protected:
  StalePersonWithoutAWord() : StalePerson(kPolicy) {}
};

TEST_F(StalePersonWithoutAWord, IsRefused) {
  ask();
  expect_refused();
}

TEST_F(StalePerson, OfAnotherGroupIsRefused) {
  ada.groups = {"staff"};
  ask();
  expect_refused();
}

TEST_F(StalePerson, PassesAsPolicySaysAndIsRecordedAsSuch) {
  ask();
  EXPECT_THAT(sink.upstream, StartsWith("POST "));
  const auto heads = sink.all<audit::RequestHead>();
  ASSERT_EQ(heads.size(), 1U);
  EXPECT_EQ(audit::standing(heads[0].person), "stale");
  EXPECT_EQ(audit::age_ms(heads[0].person, now.mono), 20U * 60 * 1000);
}

TEST_F(StalePerson, PassesUpToTheAgeThatPolicySays) {
  ada.confirmed_at = now.mono + -minutes(60);
  ask();
  expect_refused();
}

// The answer is good for longer: it is the age that ends it.
TEST_F(StalePerson, IsAskedAboutAgainWhenThatAgeIsReachedAndThenStopped) {
  ada.confirmed_at = now.mono + -minutes(59);
  ask(R"({"stream":true})");
  upstream(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" +
      chunk(kOpening + delta("one ")));
  EXPECT_EQ(relay.next_tick(), now.mono + minutes(1));
  const int asked = sink.identity_asked;
  now.mono = now.mono + minutes(1);
  relay.tick(now);
  EXPECT_EQ(sink.identity_asked, asked + 1);
  relay.identity_known(ada, now);
  EXPECT_TRUE(sink.closed);
  EXPECT_EQ(sink.outcome(), "identity lost");
  EXPECT_THAT(sink.client, HasSubstr("has not answered for 60 minutes"));
}

TEST_F(StalePerson, IsAskedAboutAgainUnderAnotherPolicy) {
  ask(R"({"stream":true})");
  const int asked = sink.identity_asked;
  relay.adopt(make_ruleset());
  EXPECT_EQ(sink.identity_asked, asked + 1);
  relay.identity_known(ada, now);
  EXPECT_EQ(sink.outcome(), "identity lost");
}

TEST_F(StalePerson, WhoIsConfirmedAgainGoesOnAndThatIsOnRecord) {
  ask(R"({"stream":true})");
  identity::Person fresh = ada;
  fresh.standing = identity::Standing::Fresh;
  fresh.confirmed_at = now.mono;
  relay.identity_known(fresh, now);
  EXPECT_FALSE(sink.closed);
  const auto changes = sink.all<audit::IdentityChange>();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(audit::standing(changes[0].person), "fresh");
}

TEST_F(StalePerson, WhoHasBeenRevokedIsRefusedWhateverPolicySays) {
  client(post("{}"));
  relay.identity_refused("the session of ada has been revoked", false, false, now);
  EXPECT_THAT(sink.client, StartsWith("HTTP/1.1 403 "));
  EXPECT_EQ(sink.upstream, "");
}

}  // namespace
}  // namespace veilwire::flow
