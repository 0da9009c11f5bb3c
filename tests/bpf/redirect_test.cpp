// Connects of every shape reach the proxy with the right record, and those that must not be touched
// are not.
#include "agent/redirector/kernel_programs.h"
#include "tests/bpf/arena.h"

#include <cerrno>
#include <cstring>
#include <string>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace veilwire::tests {
namespace {

class RedirectTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped()) return;
    arena().start_redirector(arena().settings());
    proxy_ = arena().start_proxy();
  }
  void TearDown() override {
    proxy_ = {};
    KernelTest::TearDown();
  }
  Arena::Proxy proxy_;
};

TEST_F(RedirectTest, an_ipv4_connect_arrives_with_destination_and_identity) {
  const Connected got = arena().in_client([] { return connect_to(kRemote4, 443); });
  ASSERT_EQ(got.error, 0);
  ASSERT_TRUE(got.read);
  ASSERT_EQ(got.reply.error, 0) << std::strerror(got.reply.error);
  const vw_origin& origin = got.reply.origin;
  EXPECT_EQ(origin.version, VW_ORIGIN_VERSION);
  EXPECT_EQ(destination_of(origin), "192.0.2.1:443");
  EXPECT_EQ(origin.tgid, got.tgid);
  EXPECT_EQ(origin.uid, 0U);
  EXPECT_EQ(origin.gid, 0U);
  EXPECT_EQ(origin.flags, static_cast<unsigned>(VW_ORIGIN_LABELLED | VW_ORIGIN_SOCKET_LABELLED));
  EXPECT_NE(origin.start_boottime_ns, 0U);
  EXPECT_NE(origin.cgroup_id, 0U);
  EXPECT_NE(origin.netns_cookie, 0U);
  EXPECT_NE(origin.exe.inode, 0U);
  EXPECT_NE(origin.connected_at_ns, 0U);
  EXPECT_EQ(std::string(origin.comm), "redirect_test");
  EXPECT_EQ(text_of(got.peer), "192.0.2.1:443") << "getpeername gives the peer that was asked for";
}

}  // namespace
}  // namespace veilwire::tests
