// The daemon at its sockets, with a real IdP behind it: a proxy that asks, people who sign in, and
// an IdP that changes its mind, fails and comes back. The peers are made up; the account is root's,
// which every host has.
#include "tests/unit/identity/oidc_server_fixture.h"

#include <csignal>

#include <sys/stat.h>
#include <sys/wait.h>

namespace veilwire::agent_identity {
namespace {

TEST_F(OidcServerTest, ASignInInABrowserNamesThePerson) {
  start();
  EXPECT_TRUE(nobody(answer_about(me())).sign_in);
  const host::UniqueFd people = connect("people");
  const PeopleAnswer address = say(people.get(), {.what = PeopleAsk::What::Login, .port = 9});
  ASSERT_EQ(address.what, PeopleAnswer::What::Address) << address.text;
  const std::string end = idp_->visit("alice", address.text);
  const std::string origin = "http://127.0.0.1:9";
  ASSERT_TRUE(end.starts_with(origin)) << end;
  const auto callback = [&](std::string target) {
    return say(people.get(),
               {.what = PeopleAsk::What::Callback, .text = Secret(std::move(target))});
  };
  EXPECT_EQ(callback("/favicon.ico").what, PeopleAnswer::What::Again);
  EXPECT_EQ(callback("/signed-in?code=made-up&state=made-up").what, PeopleAnswer::What::Again);
  const PeopleAnswer done = callback(end.substr(origin.size()));
  ASSERT_EQ(done.what, PeopleAnswer::What::Session) << done.text;
  EXPECT_EQ(done.session->name, "alice");
  EXPECT_EQ(done.session->method, "pkce");
  EXPECT_EQ(callback(end.substr(origin.size())).what, PeopleAnswer::What::Refused);

  const auto answer = answer_about(me());
  ASSERT_NE(known(answer), nullptr);
  EXPECT_GT(changes_, 0);
  EXPECT_EQ(known(answer)->person.subject, "alice");
  EXPECT_EQ(known(answer)->person.issuer, idp_->issuer());
  EXPECT_EQ(known(answer)->person.groups, (Groups{"developers", "release"}));
  EXPECT_EQ(known(answer)->person.standing, Standing::Fresh);
  EXPECT_EQ(say(people.get(), {.what = PeopleAsk::What::WhoAmI}).session->subject, "alice");
}

TEST_F(OidcServerTest, AQuestionIsHeldUntilWhoIsSigningInHasDoneSo) {
  start();
  const std::string complete = [&] {
    for (int i = 0; i < 200; ++i) {
      const auto refused = nobody(answer_about(me()));
      const std::size_t at = refused.reason.find("http://");
      if (at != std::string::npos) {
        EXPECT_NE(refused.reason.find("the code "), std::string::npos) << refused.reason;
        return refused.reason.substr(at, refused.reason.find(' ', at) - at);
      }
      EXPECT_NE(refused.reason.find("veilwire login"), std::string::npos) << refused.reason;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    ADD_FAILURE() << "no address";
    return std::string();
  }();
  stop();
  settings_.hold = seconds(20);
  start();
  // As a client would: the request waits, and passes.
  const host::UniqueFd people = connect("people");
  ask(1, me());
  const PeopleAnswer device = say(people.get(), {.what = PeopleAsk::What::LoginDevice});
  ASSERT_EQ(device.what, PeopleAnswer::What::Device) << device.text;
  EXPECT_NE(device.complete, complete);  // that of the last run went with it
  ask(2, me());
  ask(3, me(), true);
  const protocol::IdentityAnswer urgent = answer();
  EXPECT_EQ(urgent.id, 3U);
  EXPECT_TRUE(nobody(urgent).sign_in);
  idp_->visit("alice", device.complete);
  EXPECT_EQ(heard(people.get()).what, PeopleAnswer::What::Session);
  EXPECT_NE(known(answer()), nullptr);
  EXPECT_NE(known(answer()), nullptr);
}

TEST_F(OidcServerTest, WhoOwnsAnotherAccountIsRefusedAndToldSo) {
  start();
  const PeopleAnswer refused = sign_in("bob");
  EXPECT_EQ(refused.what, PeopleAnswer::What::Refused);
  EXPECT_NE(refused.text.find("you are bob"), std::string::npos) << refused.text;
  const auto why = nobody(answer_about(me()));
  EXPECT_NE(why.reason.find("you are bob"), std::string::npos) << why.reason;
}

TEST_F(OidcServerTest, WhoSignsOutIsNobodyAtOnce) {
  start();
  sign_in_carol();
  ASSERT_NE(known(answer_about(me())), nullptr);
  const host::UniqueFd people = connect("people");
  EXPECT_EQ(say(people.get(), {.what = PeopleAsk::What::Logout}).what, PeopleAnswer::What::Done);
  const auto changed = change();
  ASSERT_TRUE(changed.bindings);
  ASSERT_EQ(changed.bindings->size(), 1U);
  EXPECT_TRUE(may_fall_under(me(), changed.bindings->front()));
  EXPECT_NE(nobody(answer_about(me())).reason.find("signed out"), std::string::npos);
  EXPECT_EQ(say(people.get(), {.what = PeopleAsk::What::WhoAmI}).what, PeopleAnswer::What::Nobody);
  EXPECT_EQ(say(people.get(), {.what = PeopleAsk::What::Logout}).what, PeopleAnswer::What::Nobody);
}

TEST_F(OidcServerTest, WhoSignsOutIsToldWhereARestartMayBringItBack) {
  settings_.state_file = folder_ + "/none/sessions";
  start();
  sign_in_carol();
  const host::UniqueFd people = connect("people");
  const PeopleAnswer refused = say(people.get(), {.what = PeopleAsk::What::Logout});
  EXPECT_EQ(refused.what, PeopleAnswer::What::Refused);
  EXPECT_NE(refused.text.find("restart"), std::string::npos) << refused.text;
  EXPECT_NE(nobody(answer_about(me())).reason.find("signed out"), std::string::npos);
}

TEST_F(OidcServerTest, OtherGroupsAndAnEndAreHeardOfWithoutAQuestion) {
  settings_.times.fresh_for = seconds(3);
  start();
  sign_in_carol();
  ASSERT_EQ(known(answer_about(me()))->person.groups, (Groups{"developers", "release"}));
  idp_->tell("person", R"({"name":"carol","groups":["developers"]})");
  (void)change();
  ASSERT_NE(known(answer_about(me())), nullptr);
  EXPECT_EQ(known(answer_about(me()))->person.groups, (Groups{"developers"}));
  idp_->tell("person", R"({"name":"carol","gone":true})");
  (void)change();
  EXPECT_NE(nobody(answer_about(me())).reason.find("revoked"), std::string::npos);
}

TEST_F(OidcServerTest, AnIdpThatAnswersNoQuestionsAboutTokensIsAskedByRefreshing) {
  settings_.times.fresh_for = seconds(3);
  idp_->tell(
      "trouble",
      R"({"status":403,"path":"/token/introspection","json":{"error":"unauthorized_client"}})");
  start();
  sign_in_carol();
  ASSERT_NE(known(answer_about(me())), nullptr);
  idp_->tell("person", R"({"name":"carol","groups":["developers"]})");
  (void)change();
  const auto answer = answer_about(me());
  ASSERT_NE(known(answer), nullptr);
  EXPECT_EQ(known(answer)->person.groups, (Groups{"developers"}));
  const auto status = protocol::ask_status(folder_ + "/status", kPatience);
  ASSERT_TRUE(status);
  EXPECT_NE(status->find(R"("healthy":true)"), std::string::npos) << *status;
  EXPECT_NE(status->find(R"("idp_failures":0)"), std::string::npos) << *status;
  idp_->tell("trouble", "{}");
}

TEST_F(OidcServerTest, WhileTheIdpIsDownAnOldWordCountsUpToItsAge) {
  settings_.times.fresh_for = seconds(2);
  settings_.times.cached_for = seconds(6);
  start();
  sign_in_carol();
  ASSERT_EQ(known(answer_about(me()))->person.standing, Standing::Fresh);
  idp_->tell("trouble", R"({"status":503})");
  const auto cached = asked_until(me(), [](const auto& answer) {
    return known(answer) != nullptr && known(answer)->person.standing == Standing::Cached;
  });
  EXPECT_GE(known(cached)->age, seconds(2));
  const auto stale = asked_until(me(), [](const auto& answer) {
    return known(answer) == nullptr || known(answer)->person.standing == Standing::Stale;
  });
  ASSERT_NE(known(stale), nullptr);
  EXPECT_GE(known(stale)->age, seconds(6));
  EXPECT_LE(known(stale)->valid_for, seconds(2));
  const auto status = protocol::ask_status(folder_ + "/status", kPatience);
  EXPECT_EQ(status->find(R"("stale":0)"), std::string::npos) << *status;
  idp_->tell("trouble", "{}");
  const auto back = asked_until(me(), [](const auto& answer) {
    return known(answer) != nullptr && known(answer)->person.standing == Standing::Fresh;
  });
  EXPECT_EQ(known(back)->person.subject, "carol");
}

TEST_F(OidcServerTest, AStaleWordIsGivenOnlyOnceTheIdpHasFailedToAnswer) {
  settings_.times.fresh_for = settings_.times.cached_for = seconds(1);
  start();
  sign_in_carol();
  idp_->tell("person", R"({"name":"carol","groups":[],"gone":true})");
  idp_->tell("trouble", R"({"delay":4000})");
  std::this_thread::sleep_for(seconds(4));
  // It takes longer than an old word would be waited for, and then it is the word.
  EXPECT_NE(nobody(answer_about(me())).reason.find("revoked"), std::string::npos);
  idp_->tell("trouble", "{}");
}

TEST_F(OidcServerTest, WhoSignedOutWhileTheIdpWasDownIsNotStale) {
  settings_.times.fresh_for = settings_.times.cached_for = seconds(1);
  start();
  sign_in_carol();
  idp_->tell("trouble", R"({"status":503})");
  (void)asked_until(me(), [](const auto& answer) {
    return known(answer) != nullptr && known(answer)->person.standing == Standing::Stale;
  });
  const host::UniqueFd people = connect("people");
  EXPECT_EQ(say(people.get(), {.what = PeopleAsk::What::WhoAmI}).session->standing, "stale");
  (void)say(people.get(), {.what = PeopleAsk::What::Logout});
  EXPECT_NE(nobody(answer_about(me())).reason.find("signed out"), std::string::npos);
  idp_->tell("trouble", "{}");
}

TEST_F(OidcServerTest, ARestartSignsNobodyOutAndAnotherKeyEverybody) {
  start();
  sign_in_carol();
  stop();
  start();
  const auto answer = answer_about(me());
  ASSERT_NE(known(answer), nullptr) << nobody(answer).reason;
  EXPECT_EQ(known(answer)->person.subject, "carol");
  stop();
  std::ifstream in(settings_.state_file, std::ios::binary);
  const std::string sealed{std::istreambuf_iterator<char>(in), {}};
  EXPECT_EQ(sealed.find("carol"), std::string::npos);
  std::filesystem::remove(settings_.key_file);
  start();
  EXPECT_EQ(known(answer_about(me())), nullptr);
}

TEST_F(OidcServerTest, ASessionGoesOnAfterARestartByTheTokensAtRest) {
  settings_.times.fresh_for = seconds(2);
  settings_.times.cached_for = seconds(600);
  start();
  sign_in_carol();
  stop();
  start();
  std::this_thread::sleep_for(seconds(3));
  const auto answer = asked_until(me(), [](const auto& a) {
    return known(a) != nullptr && known(a)->person.standing == Standing::Fresh &&
           known(a)->age < seconds(2);
  });
  EXPECT_EQ(known(answer)->person.subject, "carol");
}

TEST_F(OidcServerTest, ARestartInTheMiddleOfARefreshLosesNoSession) {
  settings_.times.fresh_for = seconds(2);
  settings_.times.cached_for = seconds(600);
  start();
  sign_in_carol();
  ASSERT_NE(known(answer_about(me())), nullptr);
  idp_->tell("trouble", R"({"delay":1000,"path":"/token"})");
  const auto refreshes = [&] {
    const auto status = protocol::ask_status(folder_ + "/status", kPatience);
    return status && status->find(R"("refreshes":0)") == std::string::npos;
  };
  for (int i = 0; i < 1000 && !refreshes(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ASSERT_TRUE(refreshes());
  stop();
  idp_->tell("trouble", "{}");
  start();
  std::this_thread::sleep_for(seconds(3));
  const auto answer = asked_until(me(), [](const auto& a) {
    return known(a) == nullptr || known(a)->person.standing == Standing::Fresh;
  });
  ASSERT_NE(known(answer), nullptr) << nobody(answer).reason;
  EXPECT_EQ(known(answer)->person.subject, "carol");
}

// What the token endpoint gave last.
std::string member(const std::string& answers, const std::string& name) {
  const std::string before = "\"" + name + "\":\"";
  const std::size_t at = answers.rfind(before);
  if (at == std::string::npos) return "";
  const std::size_t begin = at + before.size();
  return answers.substr(begin, answers.find('"', begin) - begin);
}

class BoundTokensTest : public OidcServerTest {
 protected:
  void SetUp() override {
    OidcServerTest::SetUp();
    settings_.times.fresh_for = seconds(2);
    settings_.times.cached_for = seconds(600);
    // So that sessions are looked after by refreshes alone.
    idp_->tell("trouble", R"({"status":403,"path":"/token/introspection"})");
  }
  void TearDown() override {
    OidcServerTest::TearDown();
    idp_->tell("trouble", "{}");
    idp_->tell("proofs", R"({"offered":true,"nonce":false})");
  }
  std::string given(const std::string& name) { return member(idp_->tell("tokens", "{}"), name); }
  // What somebody is told who has the refresh token that was given last, and nothing else.
  std::string refreshed_elsewhere() {
    return testing::output_of(
        "env -i PATH=/usr/bin:/bin curl -sS --noproxy '*' -d '" +
        ("client_id=workstation&grant_type=refresh_token&refresh_token=" + given("refresh_token")) +
        "' '" + idp_->issuer() + "/token'");
  }
  void expect_a_refresh() {
    const std::string before = given("refresh_token");
    const auto answer = asked_until(me(), [&](const auto& a) {
      return known(a) == nullptr ||
             (known(a)->person.standing == Standing::Fresh && given("refresh_token") != before);
    });
    ASSERT_NE(known(answer), nullptr) << nobody(answer).reason;
  }
};

TEST_F(BoundTokensTest, ARefreshTokenIsWorthNothingElsewhereAndOursGoesOnOverARestart) {
  start();
  sign_in_carol();
  EXPECT_EQ(given("token_type"), "DPoP");
  EXPECT_NE(refreshed_elsewhere().find("invalid_grant"), std::string::npos);
  expect_a_refresh();
  stop();
  start();
  EXPECT_NE(refreshed_elsewhere().find("invalid_grant"), std::string::npos);
  expect_a_refresh();
}

TEST_F(BoundTokensTest, AnIdpThatWantsItsNonceGetsIt) {
  idp_->tell("proofs", R"({"nonce":true})");
  settings_.client.constraint = SenderConstraint::Dpop;
  start();
  sign_in_carol();
  EXPECT_EQ(given("token_type"), "DPoP");
  expect_a_refresh();
}

TEST_F(BoundTokensTest, AnIdpThatIsGoneIsAskedAgain) {
  start();
  sign_in_carol();
  idp_->tell("trouble", R"({"cut":true})");
  (void)asked_until(me(), [](const auto& a) {
    return known(a) != nullptr && known(a)->person.standing == Standing::Cached;
  });
  idp_->tell("trouble", "{}");
  (void)asked_until(me(), [](const auto& a) {
    return known(a) != nullptr && known(a)->person.standing == Standing::Fresh;
  });
}

TEST_F(BoundTokensTest, ASignInInABrowserIsBoundFromItsBeginning) {
  start();
  const host::UniqueFd people = connect("people");
  const PeopleAnswer address = say(people.get(), {.what = PeopleAsk::What::Login, .port = 9});
  EXPECT_NE(address.text.find("&dpop_jkt="), std::string::npos);
  const std::string end = idp_->visit("carol", address.text);
  const PeopleAnswer done = say(people.get(), {.what = PeopleAsk::What::Callback,
                                               .text = Secret(end.substr(end.find('/', 8)))});
  ASSERT_EQ(done.what, PeopleAnswer::What::Session) << done.text;
  EXPECT_EQ(given("token_type"), "DPoP");
  EXPECT_NE(refreshed_elsewhere().find("invalid_grant"), std::string::npos);
}

TEST_F(BoundTokensTest, WhereTheIdpDoesNotOfferItTokensAreBearersUnlessThatIsRefused) {
  idp_->tell("proofs", R"({"offered":false})");
  start();
  sign_in_carol();
  EXPECT_EQ(given("token_type"), "Bearer");
  expect_a_refresh();
  stop();
  settings_.client.constraint = SenderConstraint::Dpop;
  start();
  EXPECT_EQ(sign_in("carol").what, PeopleAnswer::What::Refused);
}

TEST_F(OidcServerTest, OperatorsSeeAndEndSessions) {
  start();
  sign_in_carol();
  const host::UniqueFd people = connect("people");
  const PeopleAnswer session = say(people.get(), {.what = PeopleAsk::What::Sessions});
  ASSERT_EQ(session.what, PeopleAnswer::What::Session) << session.text;
  EXPECT_EQ(session.session->subject, "carol");
  EXPECT_EQ(session.session->standing, "fresh");
  EXPECT_EQ(heard(people.get()).what, PeopleAnswer::What::Done);
  const PeopleAnswer revoked =
      say(people.get(), {.what = PeopleAsk::What::Revoke, .text = Secret(std::string("carol"))});
  EXPECT_EQ(revoked.what, PeopleAnswer::What::Done);
  EXPECT_EQ(revoked.count, 1U);
  EXPECT_NE(nobody(answer_about(me())).reason.find("revoked"), std::string::npos);
}

TEST_F(OidcServerTest, NobodyButTheProxyMayAskAndNonsenseClosesAConnection) {
  start();
  const host::UniqueFd people = connect("people");
  ASSERT_TRUE(host::send_message(people.get(), "who am I?"));
  ASSERT_TRUE(host::wait_readable(people.get(), kPatience));
  const auto end = host::receive_message(people.get());
  EXPECT_TRUE(!end || end->bytes.empty());
  const host::UniqueFd later = connect("people");
  ASSERT_TRUE(host::send_message(later.get(), R"({"veilwire":2,"ask":"whoami"})"));
  EXPECT_EQ(heard(later.get()).what, PeopleAnswer::What::Refused);
  const auto status = protocol::ask_status(folder_ + "/status", kPatience);
  ASSERT_TRUE(status);
  EXPECT_NE(status->find(R"("source":"oidc")"), std::string::npos) << *status;
}

// Events come by a transmitter of its own, about the people of the IdP.
class OidcServerWithEvents : public OidcServerTest {
 protected:
  static void SetUpTestSuite() {
    OidcServerTest::SetUpTestSuite();
    transmitter_ =
        std::make_unique<testing::RealIdp>(VEILWIRE_SOURCE_DIR, testing::IdpProgram::Transmitter);
  }
  static void TearDownTestSuite() {
    transmitter_.reset();
    OidcServerTest::TearDownTestSuite();
  }
  void SetUp() override {
    OidcServerTest::SetUp();
    const std::string token_file = folder_ + "/token";
    std::ofstream(token_file) << "made-up-token-of-a-test\n";
    ASSERT_EQ(::chmod(token_file.c_str(), 0400), 0);
    const std::string issuer = transmitter_->issuer();
    const auto endpoint = identity::parse_url(issuer + "/events", identity::PlainHttp::Loopback);
    settings_.transmitters = {{.poll = {.endpoint = endpoint.value(), .interval = seconds(1)},
                               .expected = {.transmitter = issuer,
                                            .audience = "https://veilwire.test/events",
                                            .issuer = idp_->issuer()},
                               .keys = std::nullopt,
                               .token_file = token_file}};
    (void)settled();
  }
  void TearDown() override {
    kill();
    OidcServerTest::TearDown();
  }

  // A daemon that can be killed.
  void start_process() {
    child_ = ::fork();
    if (child_ == 0) {
      const host::UniqueFd never(::eventfd(0, EFD_CLOEXEC));
      OidcServer(options()).run(never.get());
      ::_exit(0);
    }
    for (int i = 0; i < 400 && !proxy_; ++i) {
      if (auto fd = host::connect_local(folder_ + "/proxy", true)) proxy_ = std::move(fd).value();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    ASSERT_TRUE(proxy_);
  }
  void kill() {
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    child_ = -1;
    proxy_.reset();
  }

  static void revoke_carol(const std::string& id) {
    transmitter_->tell(
        "event",
        R"({"type":"https://schemas.openid.net/secevent/caep/event-type/session-revoked","id":")" +
            id + R"(","subject":{"format":"iss_sub","iss":")" + idp_->issuer() +
            R"(","sub":"carol"}})");
  }
  static std::string settled() { return transmitter_->tell("settled", "{}"); }
  static std::string settled_in_time() {
    for (int i = 0; i < 400; ++i) {
      std::string all = settled();
      if (all != kNothing) return all;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return "nothing in time";
  }
  std::string status() const {
    const auto document = protocol::ask_status(folder_ + "/status", kPatience);
    return document ? *document : "no status";
  }

  static constexpr const char* kNothing = R"({"acknowledged":[],"refused":{}})";
  static std::unique_ptr<testing::RealIdp> transmitter_;
  pid_t child_ = -1;
};
std::unique_ptr<testing::RealIdp> OidcServerWithEvents::transmitter_;

TEST_F(OidcServerWithEvents, ASessionEndsByAnEventAndTheProxyIsTold) {
  start();
  sign_in_carol();
  ASSERT_NE(known(answer_about(me())), nullptr);
  revoke_carol("one");
  const auto changed = change();
  ASSERT_TRUE(changed.bindings);
  ASSERT_EQ(changed.bindings->size(), 1U);
  EXPECT_TRUE(may_fall_under(me(), changed.bindings->front()));
  EXPECT_NE(nobody(answer_about(me())).reason.find("revoked"), std::string::npos);
  EXPECT_EQ(settled_in_time(), R"({"acknowledged":["one"],"refused":{}})");
  const std::string said = status();
  EXPECT_NE(said.find(R"("healthy":true)"), std::string::npos) << said;
  EXPECT_NE(said.find(R"("failures":0,"events":1,"received":1)"), std::string::npos) << said;
}

TEST_F(OidcServerWithEvents, AnEventWhoseAcknowledgementWasLostComesAgainWithoutHarm) {
  start_process();
  sign_in_carol();
  ASSERT_NE(known(answer_about(me())), nullptr);
  revoke_carol("two");
  (void)change();
  // It is at rest at once, and acknowledged with the next poll, a second behind this one.
  std::this_thread::sleep_for(std::chrono::milliseconds(250));
  kill();
  ASSERT_EQ(settled(), kNothing);
  auto transmitters = std::exchange(settings_.transmitters, {});
  start();
  EXPECT_NE(nobody(answer_about(me())).reason.find("revoked"), std::string::npos);
  std::this_thread::sleep_for(seconds(1));  // IdPs count in seconds
  sign_in_carol();
  stop();
  settings_.transmitters = std::move(transmitters);
  start();
  EXPECT_EQ(settled_in_time(), R"({"acknowledged":["two"],"refused":{}})");
  EXPECT_NE(known(answer_about(me())), nullptr);
}

TEST_F(OidcServerWithEvents, WhatCannotBeWrittenDownIsNotAcknowledged) {
  settings_.state_file = folder_ + "/none/sessions";
  start();
  sign_in_carol();
  ASSERT_NE(known(answer_about(me())), nullptr);
  revoke_carol("three");
  (void)change();
  EXPECT_NE(nobody(answer_about(me())).reason.find("revoked"), std::string::npos);
  std::this_thread::sleep_for(seconds(2));
  EXPECT_EQ(settled(), kNothing);
  std::filesystem::create_directory(folder_ + "/none");
  EXPECT_EQ(settled_in_time(), R"({"acknowledged":["three"],"refused":{}})");
}

TEST_F(OidcServerWithEvents, ATransmitterThatDoesNotTakeTheTokenIsSeenInTheStatus) {
  const std::string token_file = settings_.transmitters.front().token_file + "-of-others";
  std::ofstream(token_file) << "another\n";
  ASSERT_EQ(::chmod(token_file.c_str(), 0400), 0);
  settings_.transmitters.front().token_file = token_file;
  start();
  for (int i = 0; i < 400 && status().find(R"("healthy":false)") == std::string::npos; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const std::string said = status();
  EXPECT_NE(said.find(R"("last_answer_seconds":null,"keys":true,"failures":)"), std::string::npos)
      << said;
}

// Another implementation, with habits of its own: no ID token at a refresh, and no proof of
// possession without a nonce, which it gives anew all the time.
class OidcServerAtGlewlwyd : public OidcServerTest {
 protected:
  static void SetUpTestSuite() { start_idp(testing::IdpProgram::Glewlwyd); }
  void SetUp() override {
    OidcServerTest::SetUp();
    // Its subjects are drawn at a person's first sign-in.
    settings_.subjects = {
        .table = {}, .rules = {identity::GroupAccount{"developers", "root"}}, .first_person = 0};
  }
};

TEST_F(OidcServerAtGlewlwyd, OtherGroupsAreHeardOfWithoutAQuestion) {
  settings_.client.constraint = SenderConstraint::Dpop;
  settings_.times.fresh_for = seconds(3);
  start();
  sign_in_carol();
  ASSERT_EQ(known(answer_about(me()))->person.groups, (Groups{"developers", "release"}));
  idp_->tell("person", R"({"name":"carol","groups":["developers"]})");
  (void)change();
  ASSERT_NE(known(answer_about(me())), nullptr);
  EXPECT_EQ(known(answer_about(me()))->person.groups, (Groups{"developers"}));
}

}  // namespace
}  // namespace veilwire::agent_identity
