// The daemon at its sockets where people sign in with SAML. Who reads XML is played by the test,
// which says what a response means; tests/e2e/saml_test.py has the real one and a real IdP.
#include "agent/host/protocol/saml.h"
#include "tests/unit/identity/daemon_fixture.h"
#include "userspace/base/limits.h"
#include "userspace/identity/saml_person.h"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

namespace veilwire::agent_identity {
namespace {

using protocol::SamlError;
using Answer = PeopleAnswer::What;

// Stands for veilwire-saml: a response is the subject that it is about, or a word of the test.
class Reader {
 public:
  explicit Reader(const std::string& socket)
      : listener_(host::listen_local(socket, 0600)), thread_([this] { serve(); }) {}
  ~Reader() {
    stopped = true;
    thread_.join();
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  std::atomic<bool> stopped = false, waits = false;
  std::atomic<int> session_seconds = 0;  // until the IdP's session ends; 0: it does not say

 private:
  void serve() {
    while (!stopped) {
      if (!host::wait_readable(listener_.get(), 10)) continue;
      auto accepted = host::accept_local(listener_.get());
      if (!accepted || !host::wait_readable(accepted->fd.get(), kPatience)) continue;
      const auto message = host::receive_message(accepted->fd.get());
      const auto question = protocol::decode_saml_question(message ? message->bytes : "");
      if (!question) continue;
      const auto bytes = encode(answer(*question));
      if (bytes) static_cast<void>(host::send_message(accepted->fd.get(), *bytes));
    }
  }
  protocol::SamlAnswer answer(const protocol::SamlQuestion& question) {
    if (const auto* begin = std::get_if<protocol::SamlBegin>(&question.what))
      return {question.id,
              protocol::SamlBegun{"https://idp.example/?RelayState=" + begin->relay_state,
                                  "_r" + begin->relay_state, "http://127.0.0.1:1/s"}};
    while (waits && !stopped) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    const auto& finish = std::get<protocol::SamlFinish>(question.what);
    if (finish.response == "refused")
      return {question.id, protocol::SamlRefused{SamlError::BadSignature, {}}};
    identity::SamlAssertion assertion{.issuer = "urn:idp",
                                      .id = "_a" + finish.in_response_to,
                                      .subject = finish.response,
                                      .subject_format = identity::kSamlPersistent,
                                      .session_index = {},
                                      .authn_context = {},
                                      .issued_at = finish.now,
                                      .signed_in_at = finish.now,
                                      .usable_until = {finish.now.since_epoch + seconds(60)},
                                      .session_ends_at = {},
                                      .attributes = {{"groups", {"staff", "developers"}}}};
    if (session_seconds != 0)
      assertion.session_ends_at = WallTime{finish.now.since_epoch + seconds(session_seconds)};
    return {question.id, std::move(assertion)};
  }

  host::UniqueFd listener_;
  std::thread thread_;
};

class SamlServerTest : public DaemonTest {
 protected:
  void SetUp() override {
    DaemonTest::SetUp();
    reader_ = std::make_unique<Reader>(folder_ + "/saml");
    settings_.saml = SamlSource{.socket = folder_ + "/saml", .person = {}};
    settings_.saml->person.groups_attribute = "groups";
    settings_.subjects.table = {{"alice", ::geteuid()}};
    settings_.roots = "/nonexistent";  // nobody is asked over the network
  }

  void ask_about_me() { ask(++question_, me()); }
  // The name of who this process acts for, or why it acts for nobody.
  std::string who() { return said(answer_about(me())); }
  static std::string said(const protocol::IdentityAnswer& answer) {
    return known(answer) != nullptr ? known(answer)->person.name : nobody(answer).reason;
  }

  // The RelayState; empty where it was refused.
  static std::string begin(const host::UniqueFd& people) {
    const PeopleAnswer begun = say(people.get(), {.what = PeopleAsk::What::Login, .port = 9});
    if (begun.what != Answer::Address) return "";
    EXPECT_EQ(begun.callback, "http://127.0.0.1:1/s");
    return begun.text.substr(begun.text.find('=') + 1);
  }
  static PeopleAsk response(const std::string& state, const std::string& subject = "alice") {
    return {.what = PeopleAsk::What::Response,
            .text = Secret(std::string(subject)),
            .relay_state = state};
  }

  std::unique_ptr<Reader> reader_;
};

TEST_F(SamlServerTest, AResponseNamesThePersonOnce) {
  start();
  EXPECT_NE(who().find("Run `veilwire login`"), std::string::npos);
  const host::UniqueFd people = connect("people");
  const std::string state = begin(people);
  EXPECT_EQ(say(people.get(), response("made up")).what, Answer::Again);
  const PeopleAnswer done = say(people.get(), response(state));
  ASSERT_EQ(done.what, Answer::Session) << done.text;
  EXPECT_EQ(done.session->method, "saml");
  EXPECT_EQ(done.session->groups, (std::vector<std::string>{"developers", "staff"}));
  EXPECT_EQ(who(), "alice");
  EXPECT_EQ(say(people.get(), response(state)).what, Answer::Again);
}

TEST_F(SamlServerTest, WhatIsRefusedIsOverAndSaysWhy) {
  start();
  const host::UniqueFd people = connect("people");
  const std::pair<const char*, const char*> all[] = {
      {"refused", "not by a key of the IdP's metadata"}, {"bob", "to whom the account"}};
  for (const auto& [subject, why] : all) {
    const std::string state = begin(people);
    const PeopleAnswer refused = say(people.get(), response(state, subject));
    EXPECT_EQ(refused.what, Answer::Refused);
    EXPECT_NE(refused.text.find(why), std::string::npos) << refused.text;
    EXPECT_EQ(say(people.get(), response(state)).what, Answer::Again);
  }
  EXPECT_NE(who().find("nobody has signed in"), std::string::npos);
}

TEST_F(SamlServerTest, AnotherConnectionEndsItAndGetsNothing) {
  start();
  const host::UniqueFd people = connect("people"), another = connect("people");
  const std::string state = begin(people);
  EXPECT_EQ(say(another.get(), response(state)).what, Answer::Refused);
  EXPECT_EQ(say(people.get(), response(state)).what, Answer::Again);
}

TEST_F(SamlServerTest, ASessionEndsWhenTheIdpSaysSoAndTheProxyIsTold) {
  reader_->session_seconds = 2;
  start();
  const host::UniqueFd people = connect("people");
  ASSERT_EQ(say(people.get(), response(begin(people))).what, Answer::Session);
  EXPECT_EQ(who(), "alice");
  const auto next = word();
  const auto* changed = std::get_if<protocol::IdentityChanged>(&next);
  ASSERT_NE(changed, nullptr);
  ASSERT_TRUE(changed->bindings);
  EXPECT_TRUE(may_fall_under(me(), changed->bindings->front()));
  const std::string after = who();
  EXPECT_NE(after.find("expired"), std::string::npos) << after;
  EXPECT_NE(after.find("Run `veilwire login`"), std::string::npos) << after;
}

TEST_F(SamlServerTest, AQuestionIsHeldWhileSomebodySignsInAndWhileTheResponseIsRead) {
  settings_.hold = seconds(20);
  start();
  EXPECT_NE(who().find("Run `veilwire login`"), std::string::npos);  // at once: nobody does yet
  const host::UniqueFd people = connect("people");
  const std::string state = begin(people);
  ask_about_me();
  reader_->waits = true;
  const PeopleAsk bring = response(state);
  EXPECT_TRUE(host::send_message(people.get(), protocol::encode(bring).reveal()));
  ask_about_me();
  EXPECT_FALSE(host::wait_readable(proxy_.get(), 200));
  reader_->waits = false;
  EXPECT_EQ(said(answer()), "alice");
  EXPECT_EQ(said(answer()), "alice");
  EXPECT_EQ(heard(people.get()).what, Answer::Session);
}

TEST_F(SamlServerTest, WhoGivesUpKeepsNobodyWaiting) {
  settings_.hold = seconds(20);
  start();
  host::UniqueFd people = connect("people");
  const std::string state = begin(people);
  ASSERT_FALSE(state.empty());
  ask_about_me();
  EXPECT_FALSE(host::wait_readable(proxy_.get(), 100));
  people.reset();
  EXPECT_NE(said(answer()).find("Run `veilwire login`"), std::string::npos);
  EXPECT_EQ(say(connect("people").get(), response(state)).what, Answer::Again);
}

TEST_F(SamlServerTest, OneUserHasSoManyOpenAndNoMore) {
  start();
  std::vector<host::UniqueFd> all;
  for (std::size_t i = 0; i < limits::kSamlRequestsOfUser; ++i) {
    all.push_back(connect("people"));
    EXPECT_FALSE(begin(all.back()).empty());
  }
  const host::UniqueFd more = connect("people");
  const PeopleAnswer refused = say(more.get(), {.what = PeopleAsk::What::Login, .port = 9});
  EXPECT_EQ(refused.what, Answer::Refused);
  EXPECT_NE(refused.text.find("too many sign-ins of this user"), std::string::npos) << refused.text;
  all.clear();
  // The daemon hears of that in a moment.
  for (int i = 0; i < 400 && begin(more).empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_FALSE(begin(more).empty());
}

TEST_F(SamlServerTest, WithoutItsReaderNobodySignsIn) {
  start();
  reader_.reset();
  std::filesystem::remove(folder_ + "/saml");
  const PeopleAnswer refused =
      say(connect("people").get(), {.what = PeopleAsk::What::Login, .port = 9});
  EXPECT_EQ(refused.what, Answer::Refused);
  EXPECT_NE(refused.text.find("veilwire-saml"), std::string::npos) << refused.text;
}

TEST_F(SamlServerTest, OtherWaysToSignInAreRefused) {
  start();
  const host::UniqueFd people = connect("people");
  EXPECT_NE(
      say(people.get(), {.what = PeopleAsk::What::LoginDevice}).text.find("in a browser alone"),
      std::string::npos);
  const PeopleAnswer callback = say(
      people.get(), {.what = PeopleAsk::What::Callback, .text = Secret(std::string("/?code=x"))});
  EXPECT_EQ(callback.what, Answer::Refused);
}

}  // namespace
}  // namespace veilwire::agent_identity
