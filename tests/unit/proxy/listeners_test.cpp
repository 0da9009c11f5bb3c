#include "agent/proxy/listeners.h"

#include <algorithm>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::proxy {
namespace {

constexpr int kNoNamespace = 77;

// In a network namespace of its own with loopback up, as the child process that ends with it.
int open_there(bool ipv6) {
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return kNoNamespace;
  const host::UniqueFd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq lo{};
  lo.ifr_name[0] = 'l';
  lo.ifr_name[1] = 'o';
  lo.ifr_flags = IFF_UP | IFF_RUNNING;
  if (::ioctl(any.get(), SIOCSIFFLAGS, &lo) != 0) return kNoNamespace;
  const host::UniqueFd disable(
      ::open("/proc/sys/net/ipv6/conf/lo/disable_ipv6", O_WRONLY | O_CLOEXEC));
  if (!disable || ::write(disable.get(), ipv6 ? "0" : "1", 1) != 1) return kNoNamespace;

  const auto listeners = open_listeners(0);
  for (const Listener& listener : listeners) {
    sockaddr_in6 address{};
    socklen_t size = sizeof address;
    if (::getsockname(listener.fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
        (address.sin6_family == AF_INET6) != listener.v6)
      return 1;
    int on = 0;
    size = sizeof on;
    if (::getsockopt(listener.fd.get(), SOL_SOCKET, SO_ACCEPTCONN, &on, &size) != 0 || on != 1)
      return 1;
    if ((::fcntl(listener.fd.get(), F_GETFL) & O_NONBLOCK) == 0) return 1;
  }
  const auto six = std::count_if(listeners.begin(), listeners.end(),
                                 [](const Listener& listener) { return listener.v6; });
  return listeners.size() == (ipv6 ? 2U : 1U) && six == (ipv6 ? 1 : 0) ? 0 : 2;
}

void expect_opened(bool ipv6) {
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) ::_exit(open_there(ipv6));
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kNoNamespace)
    GTEST_SKIP() << "SKIPPED: no network namespace of its own here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(Listeners, ThereIsOneForEachFamily) { expect_opened(true); }

TEST(Listeners, WithoutIpv6OnLoopbackThereIsOne) { expect_opened(false); }

}  // namespace
}  // namespace veilwire::proxy
