// Connects of every shape reach the proxy with the right record, and those that must not be touched
// are not.
#include "agent/host/local_socket.h"
#include "agent/redirector/kernel_programs.h"
#include "agent/redirector/status.h"
#include "tests/bpf/arena.h"
#include "tests/bpf/probe.h"
#include "tests/bpf/ring_connect.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

namespace veilwire::tests {
namespace {

constexpr unsigned kLabelled = VW_ORIGIN_LABELLED | VW_ORIGIN_SOCKET_LABELLED;

class RedirectTest : public KernelTest {
 protected:
  void start(const redirector::Settings& settings, const Arena::ProxyOptions& options = {}) {
    arena().start_redirector(settings);
    proxy_ = arena().start_proxy(options);
  }
  void start() { start(arena().settings()); }
  void TearDown() override {
    proxy_ = {};
    KernelTest::TearDown();
  }
  Arena::Proxy proxy_;
};

// A server of the client's own namespace at a destination that is let through: the reply that no
// proxy gives.
struct Passed {
  bool accepted = false;
  bool same_peer = false;
  int origin_error = 0;
};
Passed pass_through(const char* listen_address, const char* dial_address, std::uint16_t port) {
  const host::UniqueFd listener = listen_on(listen_address, port);
  const sockaddr_storage to = address_of(dial_address, port_of(listener.get()));
  const host::UniqueFd fd = tcp_socket(to.ss_family);
  Passed passed;
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), size_of(to)) != 0) return passed;
  wait_until_readable(listener.get());
  const host::UniqueFd accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  passed.accepted = static_cast<bool>(accepted);
  sockaddr_storage peer{};
  socklen_t size = sizeof(peer);
  ::getpeername(fd.get(), reinterpret_cast<sockaddr*>(&peer), &size);
  passed.same_peer = text_of(peer) == text_of(to);
  return passed;
}

TEST_F(RedirectTest, an_ipv4_connect_arrives_with_destination_and_identity) {
  start();
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
  EXPECT_EQ(origin.flags, kLabelled);
  EXPECT_NE(origin.start_boottime_ns, 0U);
  EXPECT_NE(origin.cgroup_id, 0U);
  EXPECT_NE(origin.netns_cookie, 0U);
  EXPECT_NE(origin.exe.inode, 0U);
  EXPECT_NE(origin.connected_at_ns, 0U);
  EXPECT_EQ(origin.bound_ifindex, 0U);
  EXPECT_EQ(std::string(origin.comm), "redirect_test");
  EXPECT_EQ(text_of(got.peer), "192.0.2.1:443") << "getpeername gives the peer that was asked for";
}

TEST_F(RedirectTest, the_identity_is_the_connecting_users) {
  start();
  const Connected got = arena().in_client([] {
    if (::setresgid(1234, 1234, 1234) != 0 || ::setresuid(4321, 4321, 4321) != 0) ::abort();
    return connect_to(kRemote4, 443);
  });
  ASSERT_TRUE(got.read);
  EXPECT_EQ(got.reply.origin.uid, 4321U);
  EXPECT_EQ(got.reply.origin.gid, 1234U);
}

TEST_F(RedirectTest, an_ipv6_connect_arrives) {
  start();
  const Connected got = arena().in_client([] { return connect_to(kRemote6, 8443); });
  ASSERT_EQ(got.error, 0);
  ASSERT_TRUE(got.read);
  EXPECT_EQ(destination_of(got.reply.origin), "[2001:db8::1]:8443");
  EXPECT_EQ(text_of(got.peer), "[2001:db8::1]:8443");
}

TEST_F(RedirectTest, a_v4_mapped_connect_arrives_as_ipv4) {
  start();
  const Connected got = arena().in_client([] { return connect_to("::ffff:192.0.2.1", 443); });
  ASSERT_EQ(got.error, 0);
  ASSERT_TRUE(got.read);
  EXPECT_EQ(destination_of(got.reply.origin), "192.0.2.1:443");
  EXPECT_EQ(text_of(got.peer), "[::ffff:192.0.2.1]:443");
}

TEST_F(RedirectTest, ipv6_goes_to_the_mapped_loopback_where_the_proxy_has_no_ipv6_listener) {
  start(arena().settings(), {.listen6 = false});
  const Connected got = arena().in_client([] { return connect_to(kRemote6, 443); });
  ASSERT_EQ(got.error, 0);
  ASSERT_TRUE(got.read);
  EXPECT_EQ(destination_of(got.reply.origin), "[2001:db8::1]:443");
  EXPECT_EQ(text_of(got.peer), "[2001:db8::1]:443");
}

TEST_F(RedirectTest, an_ipv6_only_socket_is_refused_where_the_proxy_has_no_ipv6_listener) {
  start(arena().settings(), {.listen6 = false});
  for (const bool only : {true, false}) {
    const Connected got = arena().in_client([only] {
      const host::UniqueFd fd = tcp_socket(AF_INET6);
      const int on = only ? 1 : 0;
      if (::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0) ::abort();
      return connect_with(fd.get(), address_of(kRemote6, 443));
    });
    EXPECT_EQ(got.error, only ? ECONNREFUSED : 0);
  }
  EXPECT_EQ(arena().count(VW_REASON_V6_ONLY), 1U);
}

TEST_F(RedirectTest, a_proxy_that_comes_back_without_ipv6_is_reached_by_ipv4) {
  start();
  { const Arena::Proxy gone = std::move(proxy_); }
  proxy_ = arena().start_proxy({.listen6 = false});
  const Connected got = arena().in_client([] { return connect_to(kRemote6, 443); });
  ASSERT_EQ(got.error, 0);
  ASSERT_TRUE(got.read);
  EXPECT_EQ(destination_of(got.reply.origin), "[2001:db8::1]:443");
}

TEST_F(RedirectTest, where_colon_colon_one_is_disabled_ipv6_arrives_all_the_same) {
  write_text("/proc/sys/net/ipv6/conf/lo/disable_ipv6", "1");
  start(arena().settings(), {.listen6 = false});
  for (const bool only : {false, true}) {
    const Connected got = arena().in_client([only] {
      const host::UniqueFd fd = tcp_socket(AF_INET6);
      const int on = only ? 1 : 0;
      if (::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0) ::abort();
      return connect_with(fd.get(), address_of(kRemote6, 443));
    });
    EXPECT_EQ(got.error, only ? ECONNREFUSED : 0);
    EXPECT_EQ(got.read, !only);
  }
}

TEST_F(RedirectTest, a_listener_whose_address_was_disabled_meanwhile_leaves_ipv4_and_no_record) {
  start();
  write_text("/proc/sys/net/ipv6/conf/lo/disable_ipv6", "1");
  EXPECT_NE(arena().in_client([] { return connect_to(kRemote6, 443); }).error, 0);
  EXPECT_TRUE(arena().in_client([] { return connect_to(kRemote4, 443); }).read);
  EXPECT_EQ(arena().maps().handoffs(), 0U);
}

TEST_F(RedirectTest, a_link_local_destination_passes_where_open_is_the_mode) {
  redirector::Settings settings = arena().settings();
  settings.when_proxy_dead = VW_MODE_OPEN;
  start(settings);
  EXPECT_NE(arena().in_client([] { return connect_to("fe80::1", 443); }).error, ECONNREFUSED)
      << "without a scope the kernel refuses it itself";
  EXPECT_EQ(arena().count(VW_REASON_LINK_LOCAL), 1U);
  EXPECT_EQ(arena().count(VW_REASON_PASSED_OPEN), 1U);
}

TEST_F(RedirectTest, a_link_local_destination_is_refused_by_name) {
  start();
  const Connected got = arena().in_client([] { return connect_to("fe80::1", 443); });
  EXPECT_EQ(got.error, ECONNREFUSED);
  EXPECT_EQ(arena().count(VW_REASON_LINK_LOCAL), 1U);
}

TEST_F(RedirectTest, every_form_of_fast_open_arrives) {
  start();
  for (int form = 0; form < 2; ++form) {
    const Connected got = arena().in_client([form] {
      const sockaddr_storage to = address_of(kRemote4, 443);
      const host::UniqueFd fd = tcp_socket(AF_INET);
      if (form == 0) {
        if (::sendto(fd.get(), "x", 1, MSG_FASTOPEN, reinterpret_cast<const sockaddr*>(&to),
                     size_of(to)) != 1)
          return Connected{.error = errno};
      } else {
        const int on = 1;
        ::setsockopt(fd.get(), IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on));
        if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), size_of(to)) != 0 ||
            ::send(fd.get(), "x", 1, 0) != 1)
          return Connected{.error = errno};
      }
      return finish(fd.get());
    });
    EXPECT_EQ(got.error, 0);
    ASSERT_TRUE(got.read) << "form " << form;
    EXPECT_EQ(got.reply.error, 0);
    EXPECT_EQ(destination_of(got.reply.origin), "192.0.2.1:443");
    EXPECT_EQ(got.reply.origin.tgid, got.tgid);
  }
}

TEST_F(RedirectTest, a_socket_that_is_connected_again_carries_the_second_destination) {
  start();
  const Connected got = arena().in_client([] {
    const host::UniqueFd fd = tcp_socket(AF_INET);
    Connected first = connect_with(fd.get(), address_of(kRemote4, 443));
    if (!first.read) return first;
    const sockaddr none{.sa_family = AF_UNSPEC, .sa_data = {}};
    if (::connect(fd.get(), &none, sizeof(none)) != 0) ::abort();
    return connect_with(fd.get(), address_of(kOther4, 80));
  });
  ASSERT_EQ(got.error, 0);
  ASSERT_TRUE(got.read);
  EXPECT_EQ(destination_of(got.reply.origin), "198.51.100.7:80");
  EXPECT_EQ(text_of(got.peer), "198.51.100.7:80");
}

TEST_F(RedirectTest, a_socket_that_goes_elsewhere_next_keeps_nothing_of_its_redirect) {
  start();
  const bool own_peer = arena().in_client([] {
    const host::UniqueFd listener = listen_on("127.0.0.1", 0);
    const sockaddr_storage to = address_of("127.0.0.1", port_of(listener.get()));
    const host::UniqueFd fd = tcp_socket(AF_INET);
    if (!connect_with(fd.get(), address_of(kRemote4, 443)).read) ::abort();
    const sockaddr none{.sa_family = AF_UNSPEC, .sa_data = {}};
    if (::connect(fd.get(), &none, sizeof(none)) != 0) ::abort();
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), size_of(to)) != 0) ::abort();
    sockaddr_storage peer{};
    socklen_t size = sizeof(peer);
    ::getpeername(fd.get(), reinterpret_cast<sockaddr*>(&peer), &size);
    return text_of(peer) == text_of(to);
  });
  EXPECT_TRUE(own_peer);
}

TEST_F(RedirectTest, loopback_passes_in_every_spelling) {
  start();
  const auto passes = [&](const char* listen_address, const char* dial_address) {
    const Passed passed =
        arena().in_client([=] { return pass_through(listen_address, dial_address, 8443); });
    EXPECT_TRUE(passed.accepted) << dial_address;
  };
  passes("127.0.0.1", "127.0.0.1");
  passes("127.0.0.1", "0.0.0.0");
  passes("127.3.4.5", "127.3.4.5");
  passes("::1", "::1");
  passes("::1", "::");
  passes("127.0.0.1", "::ffff:127.0.0.1");
  EXPECT_EQ(arena().count(VW_REASON_LOOPBACK), 6U);
  EXPECT_EQ(arena().count(VW_REASON_REDIRECTED), 0U);
}

TEST_F(RedirectTest, a_listed_endpoint_on_loopback_is_intercepted_for_everybody) {
  redirector::Settings settings = arena().settings();
  settings.endpoints = {*redirector::parse_endpoint("127.0.0.1:3999"),
                        *redirector::parse_endpoint("[::1]:3999")};
  start(settings);
  for (const char* address : {"127.0.0.1", "0.0.0.0", "::1", "::ffff:127.0.0.1"}) {
    const Connected got =
        arena().in_client([=] { return connect_to(address, 3999); }, /*labelled=*/false);
    ASSERT_TRUE(got.read) << address;
    EXPECT_EQ(destination_of(got.reply.origin),
              std::string(address) == "::1" ? "[::1]:3999" : "127.0.0.1:3999");
    EXPECT_EQ(got.reply.origin.flags, VW_ORIGIN_ENDPOINT);
  }
}

TEST_F(RedirectTest, other_ports_pass) {
  start();
  const Passed passed = arena().in_client([] { return pass_through(kRemote4, kRemote4, 9999); });
  EXPECT_TRUE(passed.accepted);
  EXPECT_TRUE(passed.same_peer);
  EXPECT_EQ(arena().count(VW_REASON_PORT_NOT_IN_SCOPE), 1U);
}

TEST_F(RedirectTest, a_process_without_a_label_passes) {
  start();
  const Passed passed =
      arena().in_client([] { return pass_through(kRemote4, kRemote4, 443); }, false);
  EXPECT_TRUE(passed.accepted);
  EXPECT_EQ(arena().count(VW_REASON_NOT_SELECTED), 1U);
}

TEST_F(RedirectTest, configured_targets_catch_everybody) {
  redirector::Settings settings = arena().settings();
  settings.targets = {*redirector::parse_prefix("192.0.2.0/24"),
                      *redirector::parse_prefix("2001:db8::/32")};
  start(settings);
  for (const char* address : {kRemote4, kRemote6, "::ffff:192.0.2.1"}) {
    const Connected got = arena().in_client([=] { return connect_to(address, 443); }, false);
    ASSERT_TRUE(got.read) << address;
    EXPECT_EQ(got.reply.origin.flags, VW_ORIGIN_TARGET);
    EXPECT_NE(got.reply.origin.exe.inode, 0U) << "known without a label, too";
  }
  const Passed other = arena().in_client([] { return pass_through(kOther4, kOther4, 443); }, false);
  EXPECT_TRUE(other.accepted) << "outside the prefix";
  const Passed port =
      arena().in_client([] { return pass_through(kRemote4, kRemote4, 9999); }, false);
  EXPECT_TRUE(port.accepted) << "another port";
}

TEST_F(RedirectTest, what_the_proxy_resolved_catches_everybody) {
  start();
  proxy_.push_target(kRemote4);
  proxy_.push_target(kRemote6);
  for (const char* address : {kRemote4, kRemote6}) {
    const Connected got = arena().in_client([=] { return connect_to(address, 443); }, false);
    ASSERT_TRUE(got.read) << address;
    EXPECT_EQ(got.reply.origin.flags, VW_ORIGIN_TARGET);
  }
}

TEST_F(RedirectTest, a_labelled_processes_socket_stays_in_scope_when_another_connects_it) {
  start();
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
  arena().in_client([&] {
    const host::UniqueFd fd = tcp_socket(AF_INET);
    const int number = fd.get();
    return static_cast<bool>(host::send_message(pair[0], "s", {&number, 1}));
  });
  const Connected got = arena().in_client(
      [&] {
        auto message = host::receive_message(pair[1]);
        return connect_with(message->descriptors.at(0).get(), address_of(kRemote4, 443));
      },
      /*labelled=*/false);
  ::close(pair[0]);
  ::close(pair[1]);
  ASSERT_TRUE(got.read);
  EXPECT_EQ(got.reply.origin.flags, VW_ORIGIN_SOCKET_LABELLED);
  EXPECT_EQ(got.reply.origin.tgid, got.tgid) << "the identity is of the one who connects";
}

TEST_F(RedirectTest, a_bound_source_address_is_kept) {
  start();
  const Connected got = arena().in_client([] {
    const host::UniqueFd fd = tcp_socket(AF_INET);
    const sockaddr_storage from = address_of(kOther4, 0);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&from), size_of(from)) != 0) ::abort();
    return connect_with(fd.get(), address_of(kRemote4, 443));
  });
  ASSERT_TRUE(got.read);
  EXPECT_EQ(destination_of(got.reply.origin), "192.0.2.1:443");
}

TEST_F(RedirectTest, a_bound_device_is_taken_recorded_and_given_back) {
  // A device that leads nowhere: were it kept, the SYN to loopback would time out.
  ASSERT_EQ(std::system("ip link add vw-a type veth peer name vw-b && ip link set vw-a up"), 0);
  start();
  struct Result {
    Connected connected;
    unsigned ifindex;
    char after_redirect[16];
    char after_next[16];
  };
  const Result got = arena().in_client([] {
    Result result{};
    const host::UniqueFd fd = tcp_socket(AF_INET);
    result.ifindex = ::if_nametoindex("vw-a");
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, "vw-a", 5) != 0) ::abort();
    result.connected = connect_with(fd.get(), address_of(kRemote4, 443));
    socklen_t size = sizeof(result.after_redirect);
    ::getsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, result.after_redirect, &size);
    const sockaddr none{.sa_family = AF_UNSPEC, .sa_data = {}};
    if (::connect(fd.get(), &none, sizeof(none)) != 0) ::abort();
    const timeval brief{0, 1000};  // the connect leads nowhere; only the socket's state is asked
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &brief, sizeof(brief));
    const sockaddr_storage to = address_of(kRemote4, 9999);
    (void)!::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), size_of(to));
    size = sizeof(result.after_next);
    ::getsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, result.after_next, &size);
    return result;
  });
  ASSERT_EQ(got.connected.error, 0);
  ASSERT_TRUE(got.connected.read);
  EXPECT_EQ(got.connected.reply.origin.bound_ifindex, got.ifindex);
  EXPECT_STREQ(got.after_redirect, "");
  EXPECT_STREQ(got.after_next, "vw-a");
  EXPECT_EQ(arena().count(VW_REASON_DEVICE_NOT_CLEARED), 0U);
  EXPECT_EQ(arena().count(VW_REASON_DEVICE_NOT_RESTORED), 0U);
}

TEST_F(RedirectTest, multipath_tcp_arrives_although_its_getpeername_stays_loopback) {
  start();
  const Connected got = arena().in_client([] {
    const host::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP));
    if (!fd) return Connected{.error = errno};
    return connect_with(fd.get(), address_of(kRemote4, 443));
  });
  if (got.error == EPROTONOSUPPORT || got.error == ENOPROTOOPT)
    GTEST_SKIP() << "SKIPPED: this kernel has no MPTCP";
  ASSERT_EQ(got.error, 0) << std::strerror(got.error);
  ASSERT_TRUE(got.read);
  EXPECT_EQ(destination_of(got.reply.origin), "192.0.2.1:443");
  EXPECT_EQ(got.reply.origin.tgid, got.tgid);
}

TEST_F(RedirectTest, io_uring_connects_arrive_however_the_kernel_carries_them_out) {
  start();
  for (const RingMode mode : {RingMode::Inline, RingMode::Worker, RingMode::Polled}) {
    const Connected got = arena().in_client([mode] {
      const host::UniqueFd fd = tcp_socket(AF_INET);
      const int error = ring_connect(fd.get(), address_of(kRemote4, 443), mode);
      return error != 0 ? Connected{.error = error} : finish(fd.get());
    });
    if (got.error == ENOSYS || got.error == EPERM) GTEST_SKIP() << "SKIPPED: no io_uring here";
    ASSERT_EQ(got.error, 0) << std::strerror(got.error);
    ASSERT_TRUE(got.read) << static_cast<int>(mode);
    EXPECT_EQ(destination_of(got.reply.origin), "192.0.2.1:443");
    EXPECT_EQ(got.reply.origin.tgid, got.tgid) << "the process's, not the worker's";
    EXPECT_EQ(got.reply.origin.flags, kLabelled);
  }
}

TEST_F(RedirectTest, who_dials_the_proxys_port_directly_has_no_record) {
  start();
  const std::uint16_t port = proxy_.port4;
  const Connected got =
      arena().in_client([=] { return connect_to("127.0.0.1", port); }, /*labelled=*/false);
  ASSERT_TRUE(got.read);
  EXPECT_EQ(got.reply.error, ENOENT);
  EXPECT_EQ(arena().count(VW_REASON_ORIGIN_MISSING), 1U);
}

TEST_F(RedirectTest, the_proxy_is_exempt_by_its_cgroup_and_cannot_loop) {
  redirector::Settings settings = arena().settings();
  settings.cgroup = arena().root_cgroup();
  settings.targets = {*redirector::parse_prefix("192.0.2.0/24")};
  start(settings);
  EXPECT_EQ(proxy_.dial(kRemote4, 443), ECONNREFUSED) << "nobody listens there, and it got there";
  EXPECT_EQ(arena().count(VW_REASON_PROXY_EXEMPT), 1U);
  EXPECT_EQ(arena().count(VW_REASON_REDIRECTED), 0U);
  EXPECT_TRUE(arena().in_client([] { return connect_to(kRemote4, 443); }, false).read);
}

TEST_F(RedirectTest, the_proxy_is_exempt_by_its_label_where_its_cgroup_holds_clients_too) {
  redirector::Settings settings = arena().settings();
  settings.cgroup = arena().root_cgroup();
  settings.proxy_cgroup.clear();  // learnt from the process
  settings.targets = {*redirector::parse_prefix("192.0.2.0/24")};
  start(settings);
  EXPECT_EQ(arena().maps().settings().proxy_cgroup_id, 0U);
  EXPECT_EQ(proxy_.dial(kRemote4, 443), ECONNREFUSED);
  EXPECT_EQ(arena().count(VW_REASON_PROXY_EXEMPT), 1U);
  EXPECT_TRUE(arena().in_client([] { return connect_to(kRemote4, 443); }, false).read);
}

TEST_F(RedirectTest, other_getsockopt_levels_and_other_peoples_programs_are_undisturbed) {
  const Probe probe;
  const host::UniqueFd foreign = probe.attach("foreign_getsockopt", arena().proxy_cgroup());
  start();
  struct Asked {
    int error = 0;
    std::uint32_t value = 0;
  };
  struct Answers {
    Asked foreign, type, unknown_level, no_record, unknown_option, small_buffer;
    int tcp_info_error = 0;
  };
  const Answers answers = arena().in_client([&] {
    arena().join(arena().proxy_cgroup());
    const host::UniqueFd fd = tcp_socket(AF_INET);
    const auto ask = [&](int level, int name) {
      Asked asked;
      socklen_t size = sizeof(asked.value);
      if (::getsockopt(fd.get(), level, name, &asked.value, &size) != 0) asked.error = errno;
      return asked;
    };
    Answers result{.foreign = ask(0x1234, 7),
                   .type = ask(SOL_SOCKET, SO_TYPE),
                   .unknown_level = ask(0x4321, 1),
                   .no_record = ask(VW_SOL_VEILWIRE, VW_SO_ORIGIN),
                   .unknown_option = ask(VW_SOL_VEILWIRE, 99),
                   .small_buffer = {}};
    tcp_info info{};
    socklen_t size = sizeof(info);
    if (::getsockopt(fd.get(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
      result.tcp_info_error = errno;
    return result;
  });
  EXPECT_EQ(answers.foreign.error, 0) << "the other program answers";
  EXPECT_EQ(answers.foreign.value, 4711U);
  EXPECT_EQ(answers.type.error, 0);
  EXPECT_EQ(answers.type.value, static_cast<unsigned>(SOCK_STREAM));
  EXPECT_EQ(answers.tcp_info_error, 0);
  EXPECT_EQ(answers.unknown_level.error, EOPNOTSUPP) << "what the kernel itself says";
  EXPECT_EQ(answers.no_record.error, ENOENT);
  EXPECT_EQ(answers.unknown_option.error, ENOPROTOOPT);
  EXPECT_TRUE(arena().in_client([] { return connect_to(kRemote4, 443); }).read);
}

TEST_F(RedirectTest, an_egress_filter_on_the_client_is_not_evaded) {
  const Probe probe;
  start();
  const auto connect = [&] { return arena().in_client([] { return connect_to(kRemote4, 443); }); };
  {
    const host::UniqueFd filter = probe.attach("foreign_egress", arena().clients_cgroup());
    EXPECT_EQ(connect().error, ECONNREFUSED);
    EXPECT_EQ(arena().count(VW_REASON_EGRESS_REFUSED), 1U);

    redirector::KernelMaps maps = arena().maps();
    vw_settings settings = maps.settings();
    settings.egress_policy = VW_EGRESS_REDIRECT;
    maps.set_settings(settings);
    const Connected flagged = connect();
    ASSERT_TRUE(flagged.read);
    EXPECT_EQ(flagged.reply.origin.flags, kLabelled | VW_ORIGIN_EGRESS_FILTERED);

    settings.egress_policy = VW_EGRESS_PASS;
    maps.set_settings(settings);
    const Passed passed = arena().in_client([] { return pass_through(kRemote4, kRemote4, 443); });
    EXPECT_TRUE(passed.accepted);
    EXPECT_EQ(arena().count(VW_REASON_EGRESS_PASSED), 1U);
    settings.egress_policy = VW_EGRESS_REFUSE;
    maps.set_settings(settings);
  }
  const Connected without = connect();
  ASSERT_TRUE(without.read) << "the filter is gone";
  EXPECT_EQ(without.reply.origin.flags, kLabelled);
}

TEST_F(RedirectTest, an_egress_program_that_binds_the_proxy_as_well_is_no_obstacle) {
  const Probe probe;
  const host::UniqueFd both = probe.attach("foreign_egress", arena().root_cgroup());
  start();
  const Connected got = arena().in_client([] { return connect_to(kRemote4, 443); });
  ASSERT_TRUE(got.read);
  EXPECT_EQ(got.reply.origin.flags, kLabelled);
}

TEST_F(RedirectTest, status_lists_who_is_redirected) {
  start();
  proxy_.accept_nothing();
  const bool listed = arena().in_client([this] {
    const host::UniqueFd fd = tcp_socket(AF_INET);
    const sockaddr_storage to = address_of(kRemote4, 443);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), size_of(to)) != 0) return false;
    const redirector::Status status = redirector::read_status(arena().pins());
    return status.effective && status.proxy_alive && status.redirected.size() == 1 &&
           status.redirected[0].source_port == port_of(fd.get()) &&
           destination_of(status.redirected[0].origin) == "192.0.2.1:443" &&
           redirector::to_json(status).find("\"destination\":\"192.0.2.1:443\"") !=
               std::string::npos;
  });
  EXPECT_TRUE(listed);
  EXPECT_TRUE(redirector::read_status(arena().pins()).redirected.empty()) << "closed, forgotten";
}

}  // namespace
}  // namespace veilwire::tests
