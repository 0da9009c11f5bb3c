#include "agent/proxy/identity_link.h"

#include "agent/host/local_socket.h"
#include "agent/host/protocol/identity.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

namespace veilwire::proxy {
namespace {

using namespace std::chrono_literals;
namespace protocol = host::protocol;

identity::Peer login(std::uint32_t uid, std::uint32_t session) {
  return {.uid = uid, .loginuid = uid, .audit_session = session, .comm = {}};
}
const identity::Peer kAlice = login(1000, 1), kBob = login(1001, 2);

identity::Binding binding_of(const identity::Peer& peer) {
  return {.kind = identity::BindingKind::Login,
          .uid = peer.uid,
          .loginuid = peer.loginuid,
          .audit_session = peer.audit_session};
}

class IdentityLinkTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "vw_link_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    listener_ = host::listen_local(folder_ + "/s", 0600);
    link_ = std::make_unique<IdentityLink>(io_, folder_ + "/s",
                                           [this](const IdentityLink::Doubt& doubt) {
                                             std::string who;
                                             if (doubt(kAlice)) who += "alice";
                                             if (doubt(kBob)) who += "bob";
                                             doubted_.push_back(who);
                                           });
    accept();
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void accept() {
    for (int tries = 0; tries < 100; ++tries) {
      if (auto accepted = host::accept_local(listener_.get())) {
        peer_ = std::move(accepted->fd);
        return turn();
      }
      turn();
    }
    FAIL() << "no connection";
  }
  void turn(std::chrono::milliseconds time = 20ms) {
    io_.restart();
    io_.run_for(time);
  }

  void ask(const identity::Peer& peer, bool at_once = false) {
    link_->ask(peer, at_once,
               [this](const IdentityLink::Answer& answer) { heard_.push_back(answer); });
    turn();
  }
  // The question that has come; nullopt: none.
  std::optional<protocol::IdentityQuestion> question() {
    if (!host::wait_readable(peer_.get(), 0)) return std::nullopt;
    const auto message = host::receive_message(peer_.get());
    const auto asked = protocol::decode_identity_question(message ? message->bytes : "");
    if (!asked) return std::nullopt;
    return *asked;
  }
  void say(const std::string& message) {
    ASSERT_TRUE(host::send_message(peer_.get(), message));
    turn();
  }
  void answer_with(decltype(protocol::IdentityAnswer::who) who) {
    const auto asked = question();
    ASSERT_TRUE(asked);
    say(*protocol::encode(protocol::IdentityAnswer{asked->id, std::move(who)}));
  }
  static protocol::KnownPerson known(std::chrono::milliseconds valid_for = 1h) {
    protocol::KnownPerson known;
    known.person.issuer = "https://idp.example";
    known.person.subject = "alice";
    known.valid_for = valid_for;
    return known;
  }
  // As the program answers it, with what is kept from now on.
  void learn(const identity::Peer& peer) {
    ask(peer);
    answer_with(known());
  }
  bool is_kept(const identity::Peer& peer) {
    const std::size_t before = heard_.size();
    link_->ask(peer, false,
               [this](const IdentityLink::Answer& answer) { heard_.push_back(answer); });
    return heard_.size() > before;
  }
  void change(std::optional<std::vector<identity::Binding>> bindings) {
    say(protocol::encode(protocol::IdentityChanged{std::move(bindings)}));
  }

  std::string folder_;
  host::UniqueFd listener_, peer_;
  boost::asio::io_context io_{1};
  std::vector<IdentityLink::Answer> heard_;
  std::vector<std::string> doubted_;
  std::unique_ptr<IdentityLink> link_;
};

TEST_F(IdentityLinkTest, AnAnswerIsKeptUntilItExpires) {
  ask(kAlice);
  answer_with(known(60ms));
  ASSERT_EQ(heard_.size(), 1U);
  EXPECT_EQ(heard_[0]->subject, "alice");
  EXPECT_TRUE(is_kept(kAlice));
  EXPECT_FALSE(is_kept(kBob));
  turn(80ms);
  EXPECT_FALSE(is_kept(kAlice));
}

TEST_F(IdentityLinkTest, ARefusalIsNotKeptAndSaysWhetherSigningInHelps) {
  ask(kAlice);
  answer_with(protocol::NobodyKnown{"run `veilwire login`", true});
  ASSERT_EQ(heard_.size(), 1U);
  EXPECT_EQ(heard_[0].error().message, "run `veilwire login`");
  EXPECT_TRUE(heard_[0].error().sign_in);
  EXPECT_FALSE(heard_[0].error().silent);
  EXPECT_FALSE(is_kept(kAlice));
}

TEST_F(IdentityLinkTest, AChangeTakesBackWhatItIsAbout) {
  learn(kAlice);
  learn(kBob);
  change({{binding_of(kBob)}});
  EXPECT_EQ(doubted_, std::vector<std::string>{"bob"});
  EXPECT_TRUE(is_kept(kAlice));
  EXPECT_FALSE(is_kept(kBob));
}

TEST_F(IdentityLinkTest, AChangeOfEverythingTakesBackEverything) {
  learn(kAlice);
  learn(kBob);
  change(std::nullopt);
  EXPECT_EQ(doubted_, std::vector<std::string>{"alicebob"});
  EXPECT_FALSE(is_kept(kAlice));
  EXPECT_FALSE(is_kept(kBob));
}

// Whoever is told asks again from there.
TEST_F(IdentityLinkTest, WhatIsTakenBackIsGoneWhenThatIsTold) {
  learn(kAlice);
  bool kept = true;
  link_ = std::make_unique<IdentityLink>(io_, folder_ + "/s",
                                         [&](const auto&) { kept = is_kept(kAlice); });
  accept();
  learn(kAlice);
  ASSERT_TRUE(is_kept(kAlice));
  change({{binding_of(kAlice)}});
  EXPECT_FALSE(kept);
}

TEST_F(IdentityLinkTest, AnAnswerBehindAChangeIsKept) {
  ask(kAlice);
  change({{binding_of(kAlice)}});
  answer_with(known());
  EXPECT_TRUE(is_kept(kAlice));
}

TEST_F(IdentityLinkTest, WhoCannotWaitDoesNotWaitWithOthers) {
  ask(kAlice);
  ask(kAlice, true);
  const auto patient = question(), urgent = question();
  ASSERT_TRUE(patient && urgent);
  EXPECT_FALSE(patient->at_once);
  EXPECT_TRUE(urgent->at_once);
  say(*protocol::encode(protocol::IdentityAnswer{urgent->id, protocol::NobodyKnown{"gone"}}));
  EXPECT_EQ(heard_.size(), 1U);
}

TEST_F(IdentityLinkTest, ANewConnectionStartsWithNothing) {
  EXPECT_TRUE(doubted_.empty());
  learn(kAlice);
  listener_.reset();
  std::filesystem::remove(folder_ + "/s");
  peer_.reset();
  turn();
  EXPECT_FALSE(link_->connected());
  EXPECT_TRUE(is_kept(kAlice));  // who is known passes until then
  listener_ = host::listen_local(folder_ + "/s", 0600);
  accept();
  EXPECT_EQ(doubted_, std::vector<std::string>{"alicebob"});
  EXPECT_FALSE(is_kept(kAlice));
}

TEST_F(IdentityLinkTest, AQuestionOfAnEarlierConnectionIsAskedAgain) {
  ask(kAlice);
  ASSERT_TRUE(question());
  peer_.reset();
  turn();
  accept();
  answer_with(known());
  EXPECT_EQ(heard_.size(), 1U);
}

TEST_F(IdentityLinkTest, AChangeThatNobodyCanHaveMeantEndsTheConnection) {
  learn(kAlice);
  identity::Binding half = binding_of(kAlice);
  half.audit_session = identity::kUnsetAuditId;
  change({{half}});
  accept();
  EXPECT_FALSE(is_kept(kAlice));
}

}  // namespace
}  // namespace veilwire::proxy
