#include "agent/host/confinement.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

#include <grp.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
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

// Everything that confine() drops, but for what `left` keeps; then what verify_confined() says.
enum class Left { Nothing, BoundingSet, Group, Programs };
bool refuses(Left left, const std::string& why) {
  return in_child([&] {
    for (int c = 0; left != Left::BoundingSet && c < 64 && ::prctl(PR_CAPBSET_READ, c) >= 0; ++c)
      ::prctl(PR_CAPBSET_DROP, c);
    const gid_t groups[] = {65534, 42};
    if (::setgroups(left == Left::Group ? 2 : 1, groups) != 0 ||
        ::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0)
      return false;
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    try {
      verify_confined({.user = "65534:65534",
                       .keep_capabilities = {},
                       .starts_programs = left != Left::Programs});
    } catch (const std::runtime_error& e) {
      return !why.empty() && std::string(e.what()).find(why) != std::string::npos;
    }
    return why.empty();
  });
}

TEST_F(ConfinementTest, RefusesABoundingSetAGroupOrProgramsThatAreLeft) {
  EXPECT_TRUE(refuses(Left::Nothing, ""));
  EXPECT_TRUE(refuses(Left::BoundingSet, "bounding set"));
  EXPECT_TRUE(refuses(Left::Group, "further groups"));
  EXPECT_TRUE(refuses(Left::Programs, "start another program"));
}

TEST_F(ConfinementTest, RefusesRootUnlessThatIsSaid) {
  EXPECT_TRUE(in_child([] { return throws([] { confine({"0:0", {}, false}); }); }));
  EXPECT_TRUE(in_child([] { return throws([] { confine({"", {}, false}); }); }));
  EXPECT_TRUE(in_child([] {
    confine({"", {CAP_NET_ADMIN}, false, true});
    return ::geteuid() == 0;
  }));
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

TEST_F(ConfinementTest, StartsNoProgramUnlessItIsThereForThat) {
  const auto starts = [](bool starts_programs) {
    return in_child([starts_programs] {
      confine({.user = "65534:65534", .keep_capabilities = {}, .starts_programs = starts_programs});
      ::execl("/bin/true", "true", nullptr);
      return false;
    });
  };
  EXPECT_FALSE(starts(false));
  EXPECT_TRUE(starts(true));
}

// No argument of these is valid: who is not refused hears of another fault than EPERM.
bool is_refused(long call) {
  const bool failed = ::syscall(call, -1L, -1L, -1L, -1L, -1L, -1L) == -1;
  return failed && errno == EPERM;
}

TEST_F(ConfinementTest, MakesNoneOfTheCallsThatNoProgramNeeds) {
  static constexpr long kCalls[] = {SYS_execve,           SYS_execveat,      SYS_ptrace,
                                    SYS_process_vm_readv, SYS_pidfd_getfd,   SYS_keyctl,
                                    SYS_add_key,          SYS_io_uring_setup};
  EXPECT_TRUE(in_child([] { return std::ranges::none_of(kCalls, is_refused); }));
  EXPECT_TRUE(in_child([] {
    confine({"65534:65534", {}, false});
    return std::ranges::all_of(kCalls, is_refused) && is_refused(SYS_bpf);
  }));
  // Who is there for kernel programs may make them, and no other.
  EXPECT_TRUE(in_child([] {
    confine({"", {CAP_BPF}, false, true});
    return !is_refused(SYS_bpf) && is_refused(SYS_execveat) && is_refused(SYS_io_uring_setup);
  }));
}

// The filter, and not what else could refuse: threads that come later have it, and it is one.
TEST_F(ConfinementTest, ItsFilterHoldsForEveryThread) {
  EXPECT_TRUE(in_child([] {
    confine({"65534:65534", {}, true});
    bool refused = false;
    std::thread([&refused] { refused = is_refused(SYS_ptrace); }).join();
    return refused && ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2;
  }));
}

TEST_F(ConfinementTest, KeepsMemoryOutOfSwapAlsoWhatComesLater) {
  if (!in_child([] { return lock_memory(); }))
    GTEST_SKIP() << "SKIPPED: root may not raise limits here";
  EXPECT_TRUE(in_child([] {
    (void)lock_memory();
    confine({.user = "65534:65534", .keep_capabilities = {}});
    const std::string later(1 << 20, 'x');
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("VmLck:")) return std::stoul(line.substr(6)) > later.size() / 1024;
    return false;
  }));
}

}  // namespace
}  // namespace veilwire::host
