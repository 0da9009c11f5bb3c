#include "agent/host/local_server.h"

#include "agent/host/clock.h"
#include "agent/host/local_socket.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::host {
namespace {

constexpr int kPatience = 20'000;  // ms: only a broken loop takes this long

// Echoes each message; "bad" is none of ours, "later" is answered when the loop is woken.
class LocalServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = ::testing::TempDir() + "local-server-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
  }
  void TearDown() override {
    const std::uint64_t one = 1;
    if (thread_.joinable()) {
      EXPECT_EQ(::write(stop_.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
      thread_.join();
    }
    std::filesystem::remove_all(folder_);
  }
  void start(std::size_t most_connections = 64, uid_t allowed = ::getuid()) {
    server_ = std::make_unique<LocalServer>(
        LocalServer::Options{
            .listener = listen_local(folder_ + "/socket", 0600),
            .status = std::make_unique<protocol::StatusSocket>(folder_ + "/status", 0600),
            .allowed = {allowed},
            .most_connections = most_connections,
            .turn = 4},
        LocalServer::Events{.message =
                                [this](auto id, std::string_view message) {
                                  if (message == "later") {
                                    waiting_ = id;
                                  } else if (message != "bad") {
                                    server_->send(id, std::string(message));
                                  }
                                  return message != "bad";
                                },
                            .status =
                                [this] {
                                  return std::to_string(server_->connections()) + " " +
                                         std::to_string(server_->refused());
                                },
                            .closed = [this](auto) { ++closed_; },
                            .turned =
                                [this] {
                                  if (woken_.exchange(false)) server_->send(waiting_, "now");
                                  if (deadline_ && now().mono >= *deadline_) {
                                    deadline_.reset();
                                    server_->send(waiting_, "too late");
                                  }
                                },
                            .deadline = [this] { return deadline_; }});
    thread_ = std::thread([this] { server_->run(stop_.get()); });
  }
  UniqueFd connect() {
    auto fd = connect_local(folder_ + "/socket", true);
    EXPECT_TRUE(fd);
    return fd ? std::move(fd).value() : UniqueFd();
  }
  // "" when the server has closed.
  static std::string receive(const UniqueFd& fd) {
    EXPECT_TRUE(wait_readable(fd.get(), kPatience));
    const auto message = receive_message(fd.get());
    return message ? message->bytes : "";
  }
  static std::string echo(const UniqueFd& fd, const std::string& text) {
    EXPECT_TRUE(send_message(fd.get(), text));
    return receive(fd);
  }
  std::string status() {
    const auto document = protocol::ask_status(folder_ + "/status", kPatience);
    return document ? *document : "";
  }

  std::string folder_;
  UniqueFd stop_{::eventfd(0, EFD_CLOEXEC)};
  std::unique_ptr<LocalServer> server_;
  LocalServer::ConnectionId waiting_ = 0;  // these two: set before start(), then of the loop alone
  std::optional<Monotonic> deadline_;
  std::atomic<bool> woken_{false};
  std::atomic<int> closed_{0};
  std::thread thread_;
};

TEST_F(LocalServerTest, AnswersEachConnectionWithItsOwn) {
  start();
  const UniqueFd one = connect(), two = connect();
  EXPECT_EQ(echo(one, "a"), "a");
  EXPECT_EQ(echo(two, "b"), "b");
  EXPECT_EQ(echo(one, "c"), "c");
  EXPECT_EQ(status(), "2 0");
}

TEST_F(LocalServerTest, NonsenseClosesItsConnectionAndNoOther) {
  start();
  const UniqueFd good = connect(), bad = connect();
  EXPECT_EQ(echo(bad, "bad"), "");
  EXPECT_EQ(echo(good, "a"), "a");
  EXPECT_EQ(closed_, 1);
}

TEST_F(LocalServerTest, AnotherUserIsRefusedAndCounted) {
  start(64, ::getuid() + 1);
  const UniqueFd stranger = connect();
  EXPECT_EQ(receive(stranger), "");
  EXPECT_EQ(status(), "0 1");
}

TEST_F(LocalServerTest, AFloodOfStrangersDoesNotKeepTheAllowedUserWaiting) {
  if (::getuid() != 0) GTEST_SKIP() << "SKIPPED: needs root";
  start();
  ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
  ASSERT_EQ(::chmod((folder_ + "/socket").c_str(), 0666), 0);
  const UniqueFd ours = connect();
  std::vector<pid_t> strangers;
  for (int i = 0; i < 4; ++i) {
    strangers.push_back(::fork());
    if (strangers.back() != 0) continue;
    if (::setresuid(65534, 65534, 65534) != 0) ::_exit(1);
    while (true) (void)connect_local(folder_ + "/socket", false);
  }
  for (int i = 0; i < 200; ++i) ASSERT_EQ(echo(ours, std::to_string(i)), std::to_string(i));
  EXPECT_EQ(status().substr(0, 2), "1 ");
  for (const pid_t stranger : strangers) {
    ::kill(stranger, SIGKILL);
    ::waitpid(stranger, nullptr, 0);
  }
  EXPECT_EQ(echo(connect(), "after"), "after");
}

TEST_F(LocalServerTest, MoreConnectionsThanAreAllowedWaitForOneToEnd) {
  start(2);
  UniqueFd one = connect();
  const UniqueFd two = connect(), three = connect();
  EXPECT_EQ(echo(one, "a"), "a");
  EXPECT_EQ(echo(two, "b"), "b");
  EXPECT_TRUE(send_message(three.get(), "c"));
  EXPECT_EQ(status(), "2 0");
  one.reset();
  EXPECT_EQ(receive(three), "c");
}

TEST_F(LocalServerTest, APeerThatDoesNotReadIsNotReadAndLosesNothing) {
  start();
  const UniqueFd fd = connect(), other = connect();
  constexpr int kMessages = 5000;  // more than the sockets' buffers take
  std::thread sending([&] {
    for (int i = 0; i < kMessages; ++i) EXPECT_TRUE(send_message(fd.get(), std::to_string(i)));
  });
  EXPECT_EQ(echo(other, "meanwhile"), "meanwhile");
  for (int i = 0; i < kMessages; ++i) ASSERT_EQ(receive(fd), std::to_string(i));
  sending.join();
}

TEST_F(LocalServerTest, AnAnswerMayComeFromAnotherThreadsWord) {
  start();
  const UniqueFd fd = connect();
  EXPECT_TRUE(send_message(fd.get(), "later"));
  EXPECT_EQ(echo(connect(), "read"), "read") << "and the loop goes on meanwhile";
  woken_ = true;
  server_->wake();
  EXPECT_EQ(receive(fd), "now");
}

TEST_F(LocalServerTest, TheLoopTurnsAtItsDeadline) {
  waiting_ = 1;  // the first connection
  deadline_ = now().mono + std::chrono::milliseconds(200);
  start();
  EXPECT_EQ(receive(connect()), "too late");
}

TEST_F(LocalServerTest, AnAnswerForSomebodyWhoHasGoneIsDropped) {
  start();
  {
    const UniqueFd fd = connect();
    EXPECT_TRUE(send_message(fd.get(), "later"));
  }
  const UniqueFd other = connect();
  EXPECT_EQ(echo(other, "a"), "a");
  woken_ = true;
  server_->wake();
  EXPECT_EQ(echo(other, "b"), "b");
}

}  // namespace
}  // namespace veilwire::host
