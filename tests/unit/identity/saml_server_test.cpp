// The daemon at its sockets where people sign in with SAML. Who reads XML is played by the test,
// which says what a response means; tests/e2e/saml_test.py has the real one and a real IdP.
#include "agent/host/local_socket.h"
#include "agent/host/protocol/identity.h"
#include "agent/host/protocol/people.h"
#include "agent/host/protocol/saml.h"
#include "agent/identity/oidc_server.h"
#include "userspace/base/limits.h"
#include "userspace/identity/saml_person.h"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace veilwire::agent_identity {
namespace {

namespace protocol = host::protocol;
using identity::Peer;
using protocol::PeopleAnswer;
using protocol::PeopleAsk;
using protocol::SamlError;
using std::chrono::seconds;
using Answer = PeopleAnswer::What;

constexpr int kPatience = 20'000;  // ms: only what is broken takes this long

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

class SamlServerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    // A login of its own, as a person has one: a cgroup that it shares with others is none.
    if (!has_login(me())) std::ofstream("/proc/self/loginuid") << ::geteuid();
  }
  void SetUp() override {
    ASSERT_TRUE(has_login(me())) << "run it as root, or logged in";
    std::string folder = ::testing::TempDir() + "saml-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    reader_ = std::make_unique<Reader>(folder_ + "/saml");
    settings_.saml = SamlSource{.socket = folder_ + "/saml", .person = {}};
    settings_.saml->person.groups_attribute = "groups";
    settings_.subjects.table = {{"alice", ::geteuid()}};
    settings_.roots = "/nonexistent";  // nobody is asked over the network
    settings_.hold = seconds(0);
    settings_.state_file = folder_ + "/sessions";
    settings_.key_file = folder_ + "/sessions.key";
  }
  void TearDown() override {
    if (thread_.joinable()) {
      const std::uint64_t one = 1;
      ASSERT_EQ(::write(stop_.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
      thread_.join();
    }
    server_.reset();
    reader_.reset();
    std::filesystem::remove_all(folder_);
  }
  void start() {
    stop_ = host::UniqueFd(::eventfd(0, EFD_CLOEXEC));
    server_ = std::make_unique<OidcServer>(
        OidcServerOptions{.listener = host::listen_local(folder_ + "/proxy", 0600),
                          .people = host::listen_local(folder_ + "/people", 0666),
                          .proxy_uid = ::geteuid(),
                          .status = nullptr,
                          .settings = settings_,
                          .boot = identity::BootId{{1, 2, 3}}});
    thread_ = std::thread([this] { server_->run(stop_.get()); });
    proxy_ = connect("proxy");
  }
  host::UniqueFd connect(const std::string& socket) const {
    auto fd = host::connect_local(folder_ + "/" + socket, true);
    EXPECT_TRUE(fd);
    return fd ? std::move(fd).value() : host::UniqueFd();
  }

  static Peer me() {
    Peer peer;
    peer.uid = ::geteuid();
    peer.tgid = static_cast<std::uint32_t>(::getpid());
    std::ifstream("/proc/self/loginuid") >> peer.loginuid;
    std::ifstream("/proc/self/sessionid") >> peer.audit_session;
    return peer;
  }
  void ask(std::uint64_t id) {
    ASSERT_TRUE(host::send_message(proxy_.get(),
                                   protocol::encode(protocol::IdentityQuestion{id, me(), false})));
  }
  protocol::IdentityWord word() {
    EXPECT_TRUE(host::wait_readable(proxy_.get(), kPatience)) << "the daemon says nothing";
    const auto message = host::receive_message(proxy_.get());
    auto decoded = protocol::decode_identity_word(message ? message->bytes : "", Monotonic{});
    EXPECT_TRUE(decoded);
    return decoded ? *std::move(decoded) : protocol::IdentityWord();
  }
  protocol::IdentityAnswer answer() {
    while (true) {
      auto next = word();
      if (auto* answer = std::get_if<protocol::IdentityAnswer>(&next)) return std::move(*answer);
    }
  }
  // The name of who this process acts for, or why it acts for nobody.
  std::string who() {
    ask(++question_);
    return said(answer());
  }
  static std::string said(const protocol::IdentityAnswer& answer) {
    if (const auto* known = std::get_if<protocol::KnownPerson>(&answer.who))
      return known->person.name;
    return std::get<protocol::NobodyKnown>(answer.who).reason;
  }

  static PeopleAnswer say(const host::UniqueFd& people, const PeopleAsk& ask) {
    EXPECT_TRUE(host::send_message(people.get(), protocol::encode(ask).reveal()));
    return heard(people);
  }
  static PeopleAnswer heard(const host::UniqueFd& people) {
    EXPECT_TRUE(host::wait_readable(people.get(), kPatience)) << "the daemon says nothing";
    const auto message = host::receive_message(people.get());
    auto answer = protocol::decode_people_answer(message ? message->bytes : "");
    EXPECT_TRUE(answer);
    return answer ? *std::move(answer) : PeopleAnswer();
  }
  // The RelayState; empty where it was refused.
  static std::string begin(const host::UniqueFd& people) {
    const PeopleAnswer begun = say(people, {.what = PeopleAsk::What::Login, .port = 9});
    if (begun.what != Answer::Address) return "";
    EXPECT_EQ(begun.callback, "http://127.0.0.1:1/s");
    return begun.text.substr(begun.text.find('=') + 1);
  }
  static PeopleAsk response(const std::string& state, const std::string& subject = "alice") {
    return {.what = PeopleAsk::What::Response,
            .text = Secret(std::string(subject)),
            .relay_state = state};
  }

  std::string folder_;
  OidcSettings settings_;
  std::unique_ptr<Reader> reader_;
  host::UniqueFd stop_;
  std::unique_ptr<OidcServer> server_;
  std::thread thread_;
  host::UniqueFd proxy_;
  std::uint64_t question_ = 0;
};

TEST_F(SamlServerTest, AResponseNamesThePersonOnce) {
  start();
  EXPECT_NE(who().find("Run `veilwire login`"), std::string::npos);
  const host::UniqueFd people = connect("people");
  const std::string state = begin(people);
  EXPECT_EQ(say(people, response("made up")).what, Answer::Again);
  const PeopleAnswer done = say(people, response(state));
  ASSERT_EQ(done.what, Answer::Session) << done.text;
  EXPECT_EQ(done.session->method, "saml");
  EXPECT_EQ(done.session->groups, (std::vector<std::string>{"developers", "staff"}));
  EXPECT_EQ(who(), "alice");
  EXPECT_EQ(say(people, response(state)).what, Answer::Again);
}

TEST_F(SamlServerTest, WhatIsRefusedIsOverAndSaysWhy) {
  start();
  const host::UniqueFd people = connect("people");
  const std::pair<const char*, const char*> all[] = {
      {"refused", "not by a key of the IdP's metadata"}, {"bob", "to whom the account"}};
  for (const auto& [subject, why] : all) {
    const std::string state = begin(people);
    const PeopleAnswer refused = say(people, response(state, subject));
    EXPECT_EQ(refused.what, Answer::Refused);
    EXPECT_NE(refused.text.find(why), std::string::npos) << refused.text;
    EXPECT_EQ(say(people, response(state)).what, Answer::Again);
  }
  EXPECT_NE(who().find("nobody has signed in"), std::string::npos);
}

TEST_F(SamlServerTest, AnotherConnectionEndsItAndGetsNothing) {
  start();
  const host::UniqueFd people = connect("people"), another = connect("people");
  const std::string state = begin(people);
  EXPECT_EQ(say(another, response(state)).what, Answer::Refused);
  EXPECT_EQ(say(people, response(state)).what, Answer::Again);
}

TEST_F(SamlServerTest, ASessionEndsWhenTheIdpSaysSoAndTheProxyIsTold) {
  reader_->session_seconds = 2;
  start();
  const host::UniqueFd people = connect("people");
  ASSERT_EQ(say(people, response(begin(people))).what, Answer::Session);
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
  ask(++question_);
  reader_->waits = true;
  const PeopleAsk bring = response(state);
  EXPECT_TRUE(host::send_message(people.get(), protocol::encode(bring).reveal()));
  ask(++question_);
  EXPECT_FALSE(host::wait_readable(proxy_.get(), 200));
  reader_->waits = false;
  EXPECT_EQ(said(answer()), "alice");
  EXPECT_EQ(said(answer()), "alice");
  EXPECT_EQ(heard(people).what, Answer::Session);
}

TEST_F(SamlServerTest, WhoGivesUpKeepsNobodyWaiting) {
  settings_.hold = seconds(20);
  start();
  host::UniqueFd people = connect("people");
  const std::string state = begin(people);
  ASSERT_FALSE(state.empty());
  ask(++question_);
  EXPECT_FALSE(host::wait_readable(proxy_.get(), 100));
  people.reset();
  EXPECT_NE(said(answer()).find("Run `veilwire login`"), std::string::npos);
  EXPECT_EQ(say(connect("people"), response(state)).what, Answer::Again);
}

TEST_F(SamlServerTest, OneUserHasSoManyOpenAndNoMore) {
  start();
  std::vector<host::UniqueFd> all;
  for (std::size_t i = 0; i < limits::kSamlRequestsOfUser; ++i) {
    all.push_back(connect("people"));
    EXPECT_FALSE(begin(all.back()).empty());
  }
  const host::UniqueFd more = connect("people");
  const PeopleAnswer refused = say(more, {.what = PeopleAsk::What::Login, .port = 9});
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
  const PeopleAnswer refused = say(connect("people"), {.what = PeopleAsk::What::Login, .port = 9});
  EXPECT_EQ(refused.what, Answer::Refused);
  EXPECT_NE(refused.text.find("veilwire-saml"), std::string::npos) << refused.text;
}

TEST_F(SamlServerTest, OtherWaysToSignInAreRefused) {
  start();
  const host::UniqueFd people = connect("people");
  EXPECT_NE(say(people, {.what = PeopleAsk::What::LoginDevice}).text.find("in a browser alone"),
            std::string::npos);
  const PeopleAnswer callback =
      say(people, {.what = PeopleAsk::What::Callback, .text = Secret(std::string("/?code=x"))});
  EXPECT_EQ(callback.what, Answer::Refused);
}

}  // namespace
}  // namespace veilwire::agent_identity
