// veilwire-identity at its sockets in a thread, as a proxy and people meet it. The peer is the test
// itself, in a login of its own; the account is root's, which every host has.
#pragma once

#include "agent/host/local_socket.h"
#include "agent/host/protocol/identity.h"
#include "agent/host/protocol/people.h"
#include "agent/identity/cgroups.h"
#include "agent/identity/oidc_server.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace veilwire::agent_identity {

namespace protocol = host::protocol;
using identity::Binding;
using identity::Peer;
using identity::Standing;
using protocol::PeopleAnswer;
using protocol::PeopleAsk;
using std::chrono::seconds;
using Groups = std::vector<std::string>;

inline constexpr int kPatience = 20'000;  // ms: only what is broken takes this long

class DaemonTest : public ::testing::Test {
 protected:
  // A login of its own, as a person has one: a cgroup that it shares with others is none.
  static void SetUpTestSuite() {
    if (!has_login(me())) std::ofstream("/proc/self/loginuid") << ::geteuid();
  }

  void SetUp() override {
    ASSERT_TRUE(has_login(me())) << "run it as root, or logged in";
    std::string folder = ::testing::TempDir() + "daemon-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    settings_.hold = seconds(0);
    settings_.state_file = folder_ + "/sessions";
    settings_.key_file = folder_ + "/sessions.key";
    settings_.people_socket = folder_ + "/people";
  }
  void TearDown() override {
    stop();
    std::filesystem::remove_all(folder_);
  }

  OidcServerOptions options() {
    return {.listener = host::listen_local(folder_ + "/proxy", 0600),
            .people = host::listen_local(settings_.people_socket, 0666),
            .proxy_uid = ::geteuid(),
            .status = std::make_unique<protocol::StatusSocket>(folder_ + "/status", 0600),
            .settings = settings_,
            .boot = boot_};
  }
  void start() {
    stop_ = host::UniqueFd(::eventfd(0, EFD_CLOEXEC));
    server_ = std::make_unique<OidcServer>(options());
    thread_ = std::thread([this] { server_->run(stop_.get()); });
    proxy_ = connect("proxy");
  }
  void stop() {
    if (!thread_.joinable()) return;
    const std::uint64_t one = 1;
    ASSERT_EQ(::write(stop_.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
    thread_.join();
    server_.reset();
    proxy_.reset();
  }
  host::UniqueFd connect(const std::string& socket) const {
    auto fd = host::connect_local(folder_ + "/" + socket, true);
    EXPECT_TRUE(fd);
    return fd ? std::move(fd).value() : host::UniqueFd();
  }

  // This test as a client of the proxy: what the kernel's hooks would say of it.
  static Peer me() {
    Peer peer;
    peer.uid = ::geteuid();
    peer.tgid = static_cast<std::uint32_t>(::getpid());
    std::ifstream("/proc/self/loginuid") >> peer.loginuid;
    std::ifstream("/proc/self/sessionid") >> peer.audit_session;
    std::ifstream in("/proc/self/cgroup");
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    Cgroups cgroups(cgroup2_mount().value_or(""));
    const auto place = cgroups.place_at(cgroup2_path(text).value_or(""));
    if (!place.empty()) peer.cgroup_id = place.front().id;
    return peer;
  }

  void ask(std::uint64_t id, const Peer& peer, bool at_once = false) {
    ASSERT_TRUE(host::send_message(
        proxy_.get(), protocol::encode(protocol::IdentityQuestion{id, peer, at_once})));
  }
  protocol::IdentityWord word() {
    EXPECT_TRUE(host::wait_readable(proxy_.get(), kPatience)) << "the daemon says nothing";
    const auto message = host::receive_message(proxy_.get());
    auto decoded = protocol::decode_identity_word(message ? message->bytes : "", Monotonic{});
    EXPECT_TRUE(decoded);
    return decoded ? *std::move(decoded) : protocol::IdentityWord();
  }
  // The next answer; how many changes came before it is counted.
  protocol::IdentityAnswer answer() {
    while (true) {
      auto next = word();
      if (auto* answer = std::get_if<protocol::IdentityAnswer>(&next)) return std::move(*answer);
      ++changes_;
    }
  }
  protocol::IdentityChanged change() {
    while (true) {
      auto next = word();
      if (auto* changed = std::get_if<protocol::IdentityChanged>(&next)) return *changed;
    }
  }
  protocol::IdentityAnswer answer_about(const Peer& peer) {
    ask(++question_, peer);
    return answer();
  }
  static const protocol::KnownPerson* known(const protocol::IdentityAnswer& answer) {
    return std::get_if<protocol::KnownPerson>(&answer.who);
  }
  static protocol::NobodyKnown nobody(const protocol::IdentityAnswer& answer) {
    const auto* who = std::get_if<protocol::NobodyKnown>(&answer.who);
    EXPECT_NE(who, nullptr);
    return who == nullptr ? protocol::NobodyKnown() : *who;
  }
  // Asks until it is so: what the daemon does in the meantime takes as long as the IdP does.
  template <class Holds>
  protocol::IdentityAnswer asked_until(const Peer& peer, Holds holds) {
    protocol::IdentityAnswer last;
    for (int i = 0; i < 400; ++i) {
      last = answer_about(peer);
      if (holds(last)) return last;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    ADD_FAILURE() << "it is never so";
    return last;
  }

  static PeopleAnswer say(int fd, const PeopleAsk& ask) {
    EXPECT_TRUE(host::send_message(fd, protocol::encode(ask).reveal()));
    return heard(fd);
  }
  static PeopleAnswer heard(int fd) {
    EXPECT_TRUE(host::wait_readable(fd, kPatience)) << "the daemon says nothing";
    const auto message = host::receive_message(fd);
    auto answer = protocol::decode_people_answer(message ? message->bytes : "");
    EXPECT_TRUE(answer) << (message ? message->bytes : "nothing");
    return answer ? *std::move(answer) : PeopleAnswer();
  }

  std::string folder_;
  OidcSettings settings_;
  identity::BootId boot_{{1, 2, 3}};
  host::UniqueFd stop_;
  std::unique_ptr<OidcServer> server_;
  std::thread thread_;
  host::UniqueFd proxy_;
  std::uint64_t question_ = 0;
  int changes_ = 0;
};

}  // namespace veilwire::agent_identity
