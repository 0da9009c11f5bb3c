#include "agent/proxy/credentials_link.h"

#include "agent/host/local_socket.h"
#include "agent/host/protocol/credentials.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

namespace veilwire::proxy {
namespace {

using namespace std::chrono_literals;
namespace protocol = host::protocol;

class CredentialsLinkTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "vw_credentials_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    listener_ = host::listen_local(folder_ + "/s", 0600);
    link_.emplace(io_, folder_ + "/s");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  bool accept() {
    auto accepted = host::accept_local(listener_.get());
    if (accepted) peer_ = std::move(accepted->fd);
    return accepted.has_value();
  }
  // What is asked next; id 0 where nothing is.
  protocol::CredentialQuestion asked() {
    if (!host::wait_readable(peer_.get(), 0)) return {};
    const auto message = host::receive_message(peer_.get());
    const auto question = protocol::decode_credential_question(message->bytes);
    return question.value_or(protocol::CredentialQuestion{});
  }
  void say(std::uint64_t id, std::variant<protocol::KnownCredential, protocol::NoCredential> what) {
    ASSERT_TRUE(host::send_message(
        peer_.get(), *protocol::encode(protocol::CredentialAnswer{id, std::move(what)})));
  }
  void turn(std::chrono::milliseconds time = 20ms) {
    io_.restart();
    io_.run_for(time);
  }
  void ask(const std::string& name) {
    link_->ask(name, [this](const CredentialsLink::Answer& answer) {
      heard_.push_back(answer ? std::string((*answer)->reveal()) : "none: " + answer.error());
    });
  }
  using Heard = std::vector<std::string>;

  std::string folder_;
  host::UniqueFd listener_, peer_;
  boost::asio::io_context io_{1};
  std::optional<CredentialsLink> link_;
  Heard heard_;
};

TEST_F(CredentialsLinkTest, ConnectsWhenTheFirstIsAskedForAndKeepsItWhileItIsGood) {
  turn();
  EXPECT_FALSE(accept());
  ask("key");
  turn();
  ASSERT_TRUE(accept());
  const auto question = asked();
  EXPECT_EQ(question.name, "key");
  say(question.id, protocol::KnownCredential{Secret("sekret"), 60s});
  turn();
  ask("key");
  EXPECT_EQ(heard_, (Heard{"sekret", "sekret"}));
  EXPECT_EQ(asked().id, 0U);
}

TEST_F(CredentialsLinkTest, AsksAnewForWhatIsNotGoodAnyMore) {
  ask("key");
  turn();
  ASSERT_TRUE(accept());
  say(asked().id, protocol::KnownCredential{Secret("one"), 1ms});
  turn();
  ask("key");
  turn();
  say(asked().id, protocol::KnownCredential{Secret("two"), 1ms});
  turn();
  EXPECT_EQ(heard_, (Heard{"one", "two"}));
}

TEST_F(CredentialsLinkTest, AsksAnewForWhatItsHostHasRefusedAndSaysSoOnce) {
  link_.emplace(io_, folder_ + "/s", 0ms);
  link_->doubt("key");  // nothing has been given
  ask("key");
  turn();
  ASSERT_TRUE(accept());
  const auto first = asked();
  EXPECT_FALSE(first.anew);
  say(first.id, protocol::KnownCredential{Secret("one"), 60s});
  turn();
  link_->doubt("key");
  link_->doubt("key");
  ask("key");
  ask("key");
  turn();
  const auto second = asked();
  EXPECT_EQ(second.name, "key");
  EXPECT_TRUE(second.anew);
  say(second.id, protocol::KnownCredential{Secret("two"), 1ms});
  turn();
  EXPECT_EQ(heard_, (Heard{"one", "two", "two"}));
  ask("key");
  turn();
  EXPECT_FALSE(asked().anew);
}

TEST_F(CredentialsLinkTest, IsNotAskedForEveryRequestThatAHostRefuses) {
  ask("key");
  turn();
  ASSERT_TRUE(accept());
  say(asked().id, protocol::KnownCredential{Secret("one"), 60s});
  turn();
  link_->doubt("key");
  ask("key");
  EXPECT_EQ(heard_, (Heard{"one", "one"}));
  EXPECT_EQ(asked().id, 0U);
}

TEST_F(CredentialsLinkTest, KeepsNoRefusal) {
  ask("key");
  turn();
  ASSERT_TRUE(accept());
  say(asked().id, protocol::NoCredential{"its file: gone"});
  turn();
  ask("key");
  turn();
  EXPECT_EQ(asked().name, "key");
  EXPECT_EQ(heard_, Heard{"none: its file: gone"});
}

}  // namespace
}  // namespace veilwire::proxy
