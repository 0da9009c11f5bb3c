// The proxy's side of the privileged interface against a redirector that is played here.
#include "agent/proxy/redirector_link.h"

#include "agent/host/local_socket.h"
#include "agent/host/protocol/redirector.h"
#include "bpf/abi.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

#include <boost/asio/steady_timer.hpp>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

namespace veilwire::proxy {
namespace {

namespace protocol = host::protocol;
using protocol::RedirectorMessage;
using protocol::RedirectorStatus;

class RedirectorLinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = ::testing::TempDir() + "redirector-link-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    listener_ = host::listen_local(path(), 0600);
    heart_ = host::UniqueFd(::memfd_create("heart", MFD_CLOEXEC));
    ASSERT_EQ(::ftruncate(heart_.get(), sizeof(vw_heartbeat)), 0);
    link_ = std::make_unique<RedirectorLink>(
        io_, path(), std::vector<int>{listener_.get()}, [this] { return alive_; },
        [this](const RedirectorLink::Loss& loss) { losses_.push_back(loss); });
    accept();
  }
  void TearDown() override {
    link_.reset();
    std::filesystem::remove_all(folder_);
  }
  std::string path() const { return folder_ + "/socket"; }
  void accept() {
    until([this] {
      auto accepted = host::accept_local(listener_.get());
      if (accepted) proxy_ = std::move(accepted->fd);
      return static_cast<bool>(accepted);
    });
  }
  // Runs the link until something holds; false: it never did.
  bool until(const std::function<bool()>& condition) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > limit) return false;
      io_.restart();
      io_.run_for(std::chrono::milliseconds(5));
    }
    return true;
  }
  // Takes the next request, which must be of this type, and answers it.
  void answer(RedirectorMessage expected, RedirectorStatus status) {
    std::string bytes;
    EXPECT_TRUE(until([&] {
      auto message = host::receive_message(proxy_.get());
      if (message) bytes = message->bytes;
      return static_cast<bool>(message);
    }));
    protocol::RedirectorRequest request{};
    ASSERT_GE(bytes.size(), sizeof request);
    std::memcpy(&request, bytes.data(), sizeof request);
    EXPECT_EQ(request.type, expected);
    const protocol::RedirectorAnswer reply{protocol::kRedirectorVersion, status, 0};
    const std::array heart{heart_.get()};
    const bool gives = status == RedirectorStatus::Ok && expected == RedirectorMessage::Hello;
    EXPECT_TRUE(send(reply, gives ? std::span<const int>(heart) : std::span<const int>{}));
  }
  template <class T>
  bool send(const T& message, std::span<const int> descriptors = {}) {
    return host::send_message(
               proxy_.get(), {reinterpret_cast<const char*>(&message), sizeof message}, descriptors)
        .has_value();
  }

  std::string folder_;
  boost::asio::io_context io_;
  bool alive_ = true;
  host::UniqueFd listener_, proxy_, heart_;
  std::vector<RedirectorLink::Loss> losses_;
  std::unique_ptr<RedirectorLink> link_;
};

TEST_F(RedirectorLinkTest, registers_and_beats) {
  EXPECT_FALSE(link_->registered());
  answer(RedirectorMessage::Hello, RedirectorStatus::Ok);
  answer(RedirectorMessage::Listeners, RedirectorStatus::Ok);
  EXPECT_TRUE(until([this] { return link_->registered(); }));
  const auto* beat = static_cast<const vw_heartbeat*>(
      ::mmap(nullptr, sizeof(vw_heartbeat), PROT_READ, MAP_SHARED, heart_.get(), 0));
  ASSERT_NE(beat, MAP_FAILED);
  EXPECT_NE(beat->beat_ns, 0U);
}

TEST_F(RedirectorLinkTest, the_heart_stands_still_while_a_worker_hangs) {
  alive_ = false;
  answer(RedirectorMessage::Hello, RedirectorStatus::Ok);
  answer(RedirectorMessage::Listeners, RedirectorStatus::Ok);
  EXPECT_TRUE(until([this] { return link_->registered(); }));
  const auto* beat = static_cast<const vw_heartbeat*>(
      ::mmap(nullptr, sizeof(vw_heartbeat), PROT_READ, MAP_SHARED, heart_.get(), 0));
  ASSERT_NE(beat, MAP_FAILED);
  io_.restart();
  io_.run_for(std::chrono::milliseconds(2500));  // more than two beats
  EXPECT_EQ(beat->beat_ns, 0U);
  alive_ = true;
  EXPECT_TRUE(until([beat] { return __atomic_load_n(&beat->beat_ns, __ATOMIC_RELAXED) != 0; }));
}

TEST_F(RedirectorLinkTest, asks_again_after_a_refusal) {
  answer(RedirectorMessage::Hello, RedirectorStatus::Failed);
  answer(RedirectorMessage::Hello, RedirectorStatus::Ok);
  answer(RedirectorMessage::Listeners, RedirectorStatus::Full);
  EXPECT_FALSE(link_->registered());
  answer(RedirectorMessage::Hello, RedirectorStatus::Ok);
  answer(RedirectorMessage::Listeners, RedirectorStatus::Ok);
  EXPECT_TRUE(until([this] { return link_->registered(); }));
}

TEST_F(RedirectorLinkTest, registers_with_a_redirector_that_was_restarted) {
  answer(RedirectorMessage::Hello, RedirectorStatus::Ok);
  answer(RedirectorMessage::Listeners, RedirectorStatus::Ok);
  EXPECT_TRUE(until([this] { return link_->registered(); }));
  proxy_.reset();
  EXPECT_TRUE(until([this] { return !link_->registered(); }));
  accept();
  answer(RedirectorMessage::Hello, RedirectorStatus::Ok);
  answer(RedirectorMessage::Listeners, RedirectorStatus::Ok);
  EXPECT_TRUE(until([this] { return link_->registered(); }));
}

TEST_F(RedirectorLinkTest, passes_on_what_the_redirector_notices_whenever_it_comes) {
  protocol::RedirectorNotice notice{protocol::kRedirectorVersion, 1, 5000, "vw_connect4"};
  EXPECT_TRUE(send(notice));
  answer(RedirectorMessage::Hello, RedirectorStatus::Ok);
  notice.restored = 0;
  notice.away_ms = UINT32_MAX;
  std::memset(notice.program, 'x', sizeof notice.program);  // without an end
  EXPECT_TRUE(send(notice));
  answer(RedirectorMessage::Listeners, RedirectorStatus::Ok);
  EXPECT_TRUE(until([this] { return link_->registered(); }));
  ASSERT_EQ(losses_.size(), 2U);
  EXPECT_EQ(losses_[0].program, "vw_connect4");
  EXPECT_TRUE(losses_[0].restored);
  EXPECT_EQ(losses_[0].away, std::chrono::milliseconds(5000));
  EXPECT_EQ(losses_[1].program, std::string(sizeof notice.program, 'x'));
  EXPECT_FALSE(losses_[1].restored);
  EXPECT_FALSE(losses_[1].away);
}

TEST_F(RedirectorLinkTest, hangs_up_on_another_version) {
  protocol::RedirectorNotice notice{protocol::kRedirectorVersion + 1, 1, 0, "vw_connect4"};
  EXPECT_TRUE(send(notice));
  accept();
  answer(RedirectorMessage::Hello, RedirectorStatus::Ok);
  EXPECT_TRUE(losses_.empty());
}

}  // namespace
}  // namespace veilwire::proxy
