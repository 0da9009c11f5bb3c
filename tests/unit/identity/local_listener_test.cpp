#include "agent/identity/local_listener.h"

#include "agent/host/unique_fd.h"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace veilwire::agent_identity {
namespace {

using namespace std::chrono_literals;

class LocalListenerTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kOfUser = 3;

  void SetUp() override {
    ASSERT_NE(::mkdtemp(folder_), nullptr);
    const sockaddr_un at = address();
    host::UniqueFd listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    ASSERT_EQ(::listen(listener.get(), 64), 0);
    listener_ = std::make_unique<LocalListener>(
        io_, std::move(listener), LocalListener::Bounds{.connections = 64, .of_user = kOfUser},
        LocalListener::Events{.opened = [](auto, int, const host::Credentials&) { return true; },
                              .message = [](auto, std::string_view) { return true; },
                              .closed = [](auto) {}});
  }
  void TearDown() override {
    ::unlink(address().sun_path);
    ::rmdir(folder_);
  }

  sockaddr_un address() const {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::strcpy(at.sun_path, (std::string(folder_) + "/people.sock").c_str());
    return at;
  }
  host::UniqueFd connect() const {
    const sockaddr_un at = address();
    host::UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    io_.run_for(20ms);
    return fd;
  }
  static bool is_open(const host::UniqueFd& fd) {
    pollfd polled{fd.get(), POLLIN, 0};
    return ::poll(&polled, 1, 0) == 0;
  }

  char folder_[32] = "/tmp/veilwire-XXXXXX";
  mutable boost::asio::io_context io_;
  std::unique_ptr<LocalListener> listener_;
};

TEST_F(LocalListenerTest, OneUserHasItsShareOfConnectionsAndNoMore) {
  std::vector<host::UniqueFd> open;
  for (std::size_t i = 0; i < kOfUser; ++i) open.push_back(connect());
  EXPECT_FALSE(is_open(connect()));
  EXPECT_EQ(listener_->connections(), kOfUser);
  for (const host::UniqueFd& fd : open) EXPECT_TRUE(is_open(fd));
  // Who leaves makes room for one, however often.
  for (int i = 0; i < 10; ++i) {
    open.pop_back();
    io_.run_for(20ms);
    EXPECT_EQ(listener_->connections(), kOfUser - 1);
    open.push_back(connect());
    EXPECT_TRUE(is_open(open.back()));
    EXPECT_FALSE(is_open(connect()));
  }
}

}  // namespace
}  // namespace veilwire::agent_identity
