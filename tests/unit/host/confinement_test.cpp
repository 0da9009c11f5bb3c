#include "agent/host/confinement.h"

#include <cstdio>
#include <functional>
#include <stdexcept>

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::host {
namespace {

// Confinement cannot be undone: each case runs in a child, which exits 0 when the case holds.
bool in_child(const std::function<bool()>& act) {
  const pid_t child = ::fork();
  if (child == 0) {
    bool good = false;
    try {
      good = act();
    } catch (const std::exception& e) {
      std::fprintf(stderr, "%s\n", e.what());
    }
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool throws(const std::function<void()>& act) {
  try {
    act();
  } catch (const std::runtime_error&) {
    return true;
  }
  return false;
}

class ConfinementTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: dropping privileges needs root";
  }
};

TEST_F(ConfinementTest, DropsToAUserWithoutAnyCapability) {
  EXPECT_TRUE(in_child([] {
    confine({"65534:65534", {}, false});
    return ::geteuid() == 65534 && ::setresuid(0, 0, 0) != 0;
  }));
}

TEST_F(ConfinementTest, KeepsExactlyTheCapabilitiesThatAreNamed) {
  EXPECT_TRUE(in_child([] {
    confine({"65534:65534", {CAP_NET_ADMIN}, false});
    verify_confined({"65534:65534", {CAP_NET_ADMIN}, false});
    return throws([] {
             verify_confined({"65534:65534", {}, false});
           }) &&
           throws([] {
             verify_confined({"65534:65534", {CAP_NET_ADMIN, CAP_BPF}, false});
           });
  }));
}

TEST_F(ConfinementTest, LeavesOnlyUnixSocketsWhenTheNetworkIsForbidden) {
  EXPECT_TRUE(in_child([] {
    confine({"65534:65534", {}, true});
    const int local = ::socket(AF_UNIX, SOCK_SEQPACKET, 0);
    return local >= 0 && ::socket(AF_INET, SOCK_STREAM, 0) < 0 &&
           ::socket(AF_INET6, SOCK_DGRAM, 0) < 0 && ::socket(AF_NETLINK, SOCK_RAW, 0) < 0;
  }));
}

TEST_F(ConfinementTest, RefusesToRunWithWhatItShouldNotHave) {
  EXPECT_TRUE(in_child([] { return throws([] { verify_confined({"65534:65534", {}, false}); }); }));
  EXPECT_TRUE(in_child([] { return throws([] { verify_confined({"", {}, false}); }); }));
}

TEST_F(ConfinementTest, RefusesAUserThatDoesNotExist) {
  EXPECT_TRUE(throws([] { (void)resolve_user("no-such-user-veilwire"); }));
  EXPECT_TRUE(throws([] { (void)resolve_user("12:"); }));
  EXPECT_EQ(resolve_user("12:34").gid, 34U);
}

TEST_F(ConfinementTest, LeavesNoMemoryToDumpAndNoPrivilegeToGain) {
  EXPECT_TRUE(in_child([] {
    confine({"65534:65534", {}, false});
    return ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 &&
           ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
  }));
}

}  // namespace
}  // namespace veilwire::host
