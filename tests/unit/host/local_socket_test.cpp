#include "agent/host/local_socket.h"

#include <array>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace veilwire::host {
namespace {

class LocalSocket : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "vw_local_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = folder_ + "/s";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string folder_, path_;
};

TEST_F(LocalSocket, CarriesMessagesWithTheirBoundariesAndThePeersCredentials) {
  const UniqueFd listener = listen_local(path_, 0600);
  auto client = connect_local(path_, true);
  ASSERT_TRUE(client);
  auto accepted = accept_local(listener.get());
  ASSERT_TRUE(accepted);
  EXPECT_EQ(accepted->peer.pid, ::getpid());
  EXPECT_EQ(accepted->peer.uid, ::geteuid());
  ASSERT_TRUE(send_message(client->get(), "one"));
  ASSERT_TRUE(send_message(client->get(), std::string(kLocalMessage, 'x')));
  EXPECT_EQ(receive_message(accepted->fd.get())->bytes, "one");
  EXPECT_EQ(receive_message(accepted->fd.get())->bytes.size(), kLocalMessage);
  EXPECT_EQ(receive_message(accepted->fd.get()).error(), EAGAIN);
  client->reset();
  EXPECT_TRUE(receive_message(accepted->fd.get())->bytes.empty());
}

TEST_F(LocalSocket, PassesDescriptors) {
  std::array<int, 2> pair{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair.data()), 0);
  const UniqueFd a(pair[0]), b(pair[1]);
  const std::array<int, 1> gift{a.get()};
  ASSERT_TRUE(send_message(a.get(), "take", gift));
  auto message = receive_message(b.get());
  ASSERT_TRUE(message);
  ASSERT_EQ(message->descriptors.size(), 1U);
  struct stat sent {
  }, got{};
  ASSERT_EQ(::fstat(a.get(), &sent), 0);
  ASSERT_EQ(::fstat(message->descriptors[0].get(), &got), 0);
  EXPECT_EQ(sent.st_ino, got.st_ino);
}

TEST_F(LocalSocket, RefusesAMessageOverTheLimit) {
  std::array<int, 2> pair{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair.data()), 0);
  const UniqueFd a(pair[0]), b(pair[1]);
  EXPECT_EQ(send_message(a.get(), std::string(kLocalMessage + 1, 'x')).error(), EMSGSIZE);
  const std::string big(kLocalMessage + 1, 'x');
  ASSERT_EQ(::send(a.get(), big.data(), big.size(), 0), static_cast<ssize_t>(big.size()));
  EXPECT_EQ(receive_message(b.get()).error(), EMSGSIZE);
}

TEST_F(LocalSocket, ReplacesAStaleSocketButNotALivingOneNorAFile) {
  {
    const UniqueFd first = listen_local(path_, 0600);
    EXPECT_THROW((void)listen_local(path_, 0600), std::system_error);
  }
  EXPECT_NO_THROW((void)listen_local(path_, 0600));
  const std::string file = folder_ + "/file";
  std::ofstream(file) << "precious";
  EXPECT_THROW((void)listen_local(file, 0600), std::system_error);
  EXPECT_TRUE(std::filesystem::exists(file));
}

TEST_F(LocalSocket, ASocketFileHasItsModeFromTheStart) {
  const UniqueFd listener = listen_local(path_, 0620);
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0620U);
}

}  // namespace
}  // namespace veilwire::host
