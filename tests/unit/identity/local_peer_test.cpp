// Who connected is this test itself, or a child of it that has ended.
#include "agent/identity/local_peer.h"

#include "agent/host/local_socket.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::agent_identity {
namespace {

class LocalPeerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = ::testing::TempDir() + "peer-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    listener_ = host::listen_local(folder_ + "/socket", 0600);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
  host::UniqueFd listener_;
  Cgroups cgroups_{cgroup2_mount().value_or("/sys/fs/cgroup")};
};

TEST_F(LocalPeerTest, IsWhatTheKernelSaysOfTheProcess) {
  const auto client = host::connect_local(folder_ + "/socket", true);
  ASSERT_TRUE(client);
  const auto accepted = host::accept_local(listener_.get());
  ASSERT_TRUE(accepted);
  const auto peer = local_peer(accepted->fd.get(), accepted->peer, cgroups_);
  ASSERT_TRUE(peer) << peer.error();
  EXPECT_EQ(peer->peer.uid, ::geteuid());
  EXPECT_EQ(peer->peer.tgid, static_cast<std::uint32_t>(::getpid()));
  std::uint32_t loginuid = identity::kUnsetAuditId;
  std::ifstream("/proc/self/loginuid") >> loginuid;
  EXPECT_EQ(peer->peer.loginuid, loginuid);
  ASSERT_FALSE(peer->place.empty());
  EXPECT_EQ(peer->place.front().id, peer->peer.cgroup_id);
  EXPECT_EQ(peer->place.back().name, "");
}

TEST_F(LocalPeerTest, OneThatHasEndedIsNobody) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto client = host::connect_local(folder_ + "/socket", true);
    ::_exit(client ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  const auto accepted = host::accept_local(listener_.get());
  ASSERT_TRUE(accepted);
  EXPECT_FALSE(local_peer(accepted->fd.get(), accepted->peer, cgroups_));
}

}  // namespace
}  // namespace veilwire::agent_identity
