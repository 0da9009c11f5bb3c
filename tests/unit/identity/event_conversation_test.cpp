// Events as a transmitter sends them, carried out as event_poll.h has it: what ends, what is
// acknowledged, and what comes again.
#include "tests/support/real_idp.h"
#include "tests/unit/identity/carried.h"
#include "userspace/identity/event_poll.h"
#include "userspace/identity/key_cache.h"
#include "userspace/identity/oidc_provider.h"
#include "userspace/identity/security_event.h"

#include <future>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

using Bindings = std::vector<Binding>;

class EventConversation : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    idp_ =
        std::make_unique<testing::RealIdp>(VEILWIRE_SOURCE_DIR, testing::IdpProgram::Transmitter);
  }
  static void TearDownTestSuite() { idp_.reset(); }

  void SetUp() override {
    provider_.jwks_uri = parse_url(idp_->issuer() + "/keys", PlainHttp::Loopback).value();
    fetch_keys();
    alice_ = sign_in(1, "alice");
    bob_ = sign_in(2, "bob");
  }
  void fetch_keys() {
    keys_.asked(mono());
    ASSERT_TRUE(keys_.answered(ask(key_set_request(provider_)), mono(), 0));
  }
  Now now() { return {mono(), wall()}; }
  Binding sign_in(std::uint32_t uid, const std::string& subject,
                  std::chrono::seconds ago = std::chrono::seconds(60)) {
    const Binding binding{BindingKind::Login, uid, uid, 1, 0};
    EXPECT_TRUE(table_.add({.binding = binding,
                            .person = {.issuer = idp_->issuer(),
                                       .subject = subject,
                                       .name = subject,
                                       .groups = {},
                                       .person_class = PersonClass::Human,
                                       .method = "pkce",
                                       .valid_until = {}},
                            .idp_session = "session-of-" + subject,
                            .token = "token-of-" + subject,
                            .issued_at = {wall().since_epoch - ago},
                            .expires_at = {wall().since_epoch + std::chrono::hours(1)}},
                           now()));
    return binding;
  }

  EventPoll new_poll() {
    return EventPoll(
        {.endpoint = parse_url(idp_->issuer() + "/events", PlainHttp::Loopback).value()});
  }
  void send(const std::string& json) { idp_->tell("event", json); }
  std::string revoked(const std::string& subject, const std::string& more = {}) {
    return R"({"type":"https://schemas.openid.net/secevent/caep/event-type/session-revoked",)"
           R"("subject":{"format":"iss_sub","iss":")" +
           idp_->issuer() + R"(","sub":")" + subject + "\"}" + more + "}";
  }
  std::string settled() { return idp_->tell("settled", "{}"); }

  // One poll, and what it brings.
  Bindings poll_once() {
    const auto sets = poll_.answered(ask(poll_.ask(bearer_, mono())), mono(), 0);
    EXPECT_TRUE(sets) << to_string(sets.error());
    Bindings ended;
    if (sets)
      for (const ReceivedSet& set : *sets) take(set, ended);
    return ended;
  }
  void take(const ReceivedSet& set, Bindings& ended) {
    const auto events = read_security_events(set.token, *keys_.keys(mono()),
                                             {.transmitter = idp_->issuer(),
                                              .audience = "https://veilwire.test/events",
                                              .issuer = idp_->issuer()},
                                             wall());
    if (!events) {
      if (events.error().error == TokenError::UnknownKey && poll_.may_wait(set.id, mono())) return;
      return poll_.refused(set.id, events.error());
    }
    for (const SecurityEvent& event : events->events)
      for (const Binding& binding : carry_out(event, table_, now())) ended.push_back(binding);
    if (!dies_) poll_.accepted(set.id);
  }

  static std::unique_ptr<testing::RealIdp> idp_;
  OidcProvider provider_;
  KeyCache keys_;
  SessionTable table_;
  Binding alice_, bob_;
  Secret bearer_{std::string("Bearer made-up-token-of-a-test")};
  EventPoll poll_ = new_poll();
  bool dies_ = false;  // before it has written down what took effect
};
std::unique_ptr<testing::RealIdp> EventConversation::idp_;

TEST_F(EventConversation, ASessionEndsByAnEvent) {
  send(revoked("alice", R"(,"id":"one")"));
  EXPECT_EQ(poll_once(), Bindings{alice_});
  EXPECT_EQ(table_.sessions().at(alice_).end, SessionEnd::RevokedByIdp);
  EXPECT_EQ(table_.sessions().at(bob_).end, SessionEnd::None);
  EXPECT_EQ(settled(), R"({"acknowledged":[],"refused":{}})");
  EXPECT_EQ(poll_once(), Bindings());
  EXPECT_EQ(settled(), R"({"acknowledged":["one"],"refused":{}})");
}

TEST_F(EventConversation, AnEventThatIsNotAcknowledgedComesAgainAndDoesNothingTwice) {
  send(revoked("alice", R"(,"id":"two")"));
  dies_ = true;
  EXPECT_EQ(poll_once(), Bindings{alice_});
  poll_ = new_poll();
  dies_ = false;
  EXPECT_EQ(poll_once(), Bindings());
  EXPECT_EQ(poll_.counts().received, 1U);
  poll_once();
  EXPECT_EQ(settled(), R"({"acknowledged":["two"],"refused":{}})");
  // And once more, from one who has forgotten that.
  sign_in(1, "alice", std::chrono::seconds(0));
  send(revoked("alice", R"(,"id":"two")"));
  EXPECT_EQ(poll_once(), Bindings());
  EXPECT_EQ(poll_.counts().again, 1U);
  poll_once();
  EXPECT_EQ(settled(), R"({"acknowledged":["two"],"refused":{}})");
}

TEST_F(EventConversation, AnAnswerThatIsHeldComesWithTheEvent) {
  auto ended = std::async(std::launch::async, [this] { return poll_once(); });
  send(revoked("bob", R"(,"id":"three")"));
  EXPECT_EQ(ended.get(), Bindings{bob_});
  poll_once();
  EXPECT_EQ(settled(), R"({"acknowledged":["three"],"refused":{}})");
}

TEST_F(EventConversation, AnEventWaitsForTheKeyThatItIsSignedWith) {
  send(revoked("alice", R"(,"id":"four","key":"new")"));
  EXPECT_EQ(poll_once(), Bindings());
  fetch_keys();
  EXPECT_EQ(poll_once(), Bindings());
  fetch_keys();
  EXPECT_EQ(poll_once(), Bindings{alice_});
  EXPECT_EQ(settled(), R"({"acknowledged":[],"refused":{}})");
  poll_once();
  EXPECT_EQ(settled(), R"({"acknowledged":["four"],"refused":{}})");
}

TEST_F(EventConversation, AnEventForSomebodyElseIsRefusedWithTheReason) {
  send(revoked("alice", R"(,"id":"five","audience":"https://other.example")"));
  EXPECT_EQ(poll_once(), Bindings());
  poll_once();
  EXPECT_EQ(settled(), R"j({"acknowledged":[],"refused":{"five":{"description":)j"
                       R"j("it is meant for somebody else (aud)","err":"invalid_audience"}}})j");
}

TEST_F(EventConversation, ATransmitterThatDoesNotKnowUsSaysNothingAboutAnybody) {
  const auto sets =
      poll_.answered(ask(poll_.ask(Secret(std::string("Bearer x")), mono())), mono(), 0);
  ASSERT_FALSE(sets);
  EXPECT_EQ(verdict(sets.error()), IdpVerdict::Misconfigured);
  EXPECT_GT(*poll_.due(), mono());
}

}  // namespace
}  // namespace veilwire::identity
