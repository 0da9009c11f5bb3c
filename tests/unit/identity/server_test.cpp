#include "agent/identity/server.h"

#include "agent/host/local_socket.h"
#include "tests/unit/identity/fake_source.h"

#include <cstdlib>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace veilwire::agent_identity {
namespace {

namespace protocol = host::protocol;

constexpr int kPatience = 20'000;  // ms: only a broken program takes this long

class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = ::testing::TempDir() + "identity-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    stop_ = host::UniqueFd(::eventfd(0, EFD_CLOEXEC));
  }
  void TearDown() override {
    if (thread_.joinable()) {
      const std::uint64_t one = 1;
      ASSERT_EQ(::write(stop_.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
      thread_.join();
    }
    std::filesystem::remove_all(folder_);
  }
  void start(uid_t proxy_uid, LookupLimits limits = {}) {
    ServerOptions options;
    options.listener = host::listen_local(socket(), 0600);
    options.status = std::make_unique<protocol::StatusSocket>(status_socket(), 0600);
    options.proxy_uid = proxy_uid;
    options.limits = limits;
    server_ = std::make_unique<Server>(std::move(options), source_);
    thread_ = std::thread([this] { server_->run(stop_.get()); });
  }
  std::string socket() const { return folder_ + "/socket"; }
  std::string status_socket() const { return folder_ + "/status"; }
  host::UniqueFd connect() {
    auto fd = host::connect_local(socket(), true);
    EXPECT_TRUE(fd);
    return fd ? std::move(fd).value() : host::UniqueFd();
  }
  static void ask(int fd, std::uint64_t id, std::uint32_t uid) {
    protocol::IdentityQuestion question;
    question.id = id;
    question.peer.uid = uid;
    ASSERT_TRUE(host::send_message(fd, protocol::encode(question)));
  }
  static protocol::IdentityAnswer answer(int fd) {
    EXPECT_TRUE(host::wait_readable(fd, kPatience));
    const auto message = host::receive_message(fd);
    EXPECT_TRUE(message);
    auto word = protocol::decode_identity_word(message ? message->bytes : "", Monotonic{});
    EXPECT_TRUE(word);
    auto* answer = word ? std::get_if<protocol::IdentityAnswer>(&*word) : nullptr;
    EXPECT_NE(answer, nullptr);
    return answer != nullptr ? std::move(*answer) : protocol::IdentityAnswer{};
  }
  // The server has closed: end of file or a reset.
  static bool closed(int fd) {
    if (!host::wait_readable(fd, kPatience)) return false;
    const auto message = host::receive_message(fd);
    return !message || message->bytes.empty();
  }

  std::string folder_;
  host::UniqueFd stop_;
  std::shared_ptr<FakeSource> source_ = std::make_shared<FakeSource>();
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

TEST_F(ServerTest, AnswersTheProxyByQuestion) {
  start(::getuid());
  source_->set_groups(7, {"staff"});
  source_->forget(8);
  const host::UniqueFd proxy = connect();
  ask(proxy.get(), 1, 7);
  const auto known = answer(proxy.get());
  EXPECT_EQ(known.id, 1U);
  const auto& person = std::get<protocol::KnownPerson>(known.who).person;
  EXPECT_EQ(person.name, "user7");
  EXPECT_EQ(person.groups, std::vector<std::string>{"staff"});
  EXPECT_GT(person.valid_until, Monotonic{});
  ask(proxy.get(), 2, 8);
  const auto nobody = answer(proxy.get());
  EXPECT_EQ(nobody.id, 2U);
  EXPECT_EQ(std::get<protocol::NobodyKnown>(nobody.who).reason, "unknown");
  EXPECT_FALSE(std::get<protocol::NobodyKnown>(nobody.who).sign_in);
}

TEST_F(ServerTest, AnswersOvertakeASlowOne) {
  start(::getuid());
  source_->hold(1);
  const host::UniqueFd proxy = connect();
  ask(proxy.get(), 1, 1);
  source_->wait_until_asked(1);
  ask(proxy.get(), 2, 2);
  EXPECT_EQ(answer(proxy.get()).id, 2U);
  source_->answer(1);
  EXPECT_EQ(answer(proxy.get()).id, 1U);
}

TEST_F(ServerTest, AQuestionThatTheDirectoryNeverAnswersIsRefusedInTime) {
  LookupLimits limits;
  limits.patience = std::chrono::milliseconds(20);
  start(::getuid(), limits);
  source_->hold(1);
  const host::UniqueFd proxy = connect();
  ask(proxy.get(), 1, 1);
  EXPECT_TRUE(std::holds_alternative<protocol::NobodyKnown>(answer(proxy.get()).who));
  source_->answer(1);
}

TEST_F(ServerTest, NobodyButTheProxyMayAsk) {
  start(::getuid() + 1);
  const host::UniqueFd stranger = connect();
  protocol::IdentityQuestion question;
  question.peer.uid = 7;
  // The server may have closed already; what matters is that no answer comes.
  static_cast<void>(!host::send_message(stranger.get(), protocol::encode(question)));
  EXPECT_TRUE(closed(stranger.get()));
  EXPECT_EQ(source_->asked(7), 0);
}

TEST_F(ServerTest, NonsenseClosesItsConnectionAndNoOther) {
  start(::getuid());
  const host::UniqueFd good = connect(), bad = connect();
  ASSERT_TRUE(host::send_message(bad.get(), "who am I?"));
  EXPECT_TRUE(closed(bad.get()));
  ask(good.get(), 1, 7);
  EXPECT_EQ(answer(good.get()).id, 1U);
}

TEST_F(ServerTest, AnAskerThatDoesNotReadLosesNothing) {
  start(::getuid());
  const host::UniqueFd proxy = connect();
  constexpr std::uint64_t kQuestions = 5000;  // more answers than a socket buffer takes
  std::thread asking([&] {
    for (std::uint64_t i = 1; i <= kQuestions; ++i) ask(proxy.get(), i, 7);
  });
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < kQuestions; ++i) sum += answer(proxy.get()).id;
  asking.join();
  EXPECT_EQ(sum, kQuestions * (kQuestions + 1) / 2);
}

TEST_F(ServerTest, AUserWhoseGroupsDoNotFitIsRefusedAndNotCut) {
  start(::getuid());
  source_->set_groups(7, std::vector<std::string>(protocol::kIdentityGroups + 1, "g"));
  const host::UniqueFd proxy = connect();
  ask(proxy.get(), 1, 7);
  EXPECT_NE(std::get<protocol::NobodyKnown>(answer(proxy.get()).who).reason.find("groups"),
            std::string::npos);
}

TEST_F(ServerTest, SaysHowItIs) {
  start(::getuid());
  const host::UniqueFd proxy = connect();
  ask(proxy.get(), 1, 7);
  static_cast<void>(answer(proxy.get()));
  const auto status = protocol::ask_status(status_socket(), kPatience);
  ASSERT_TRUE(status);
  EXPECT_NE(status->find(R"("program":"veilwire-identity","healthy":true)"), std::string::npos)
      << *status;
  EXPECT_NE(status->find(R"("asked":1)"), std::string::npos) << *status;
}

}  // namespace
}  // namespace veilwire::agent_identity
