// The record and nobody else's reaches the accepted socket: under many clients that re-use few
// ports, under Fast Open, in two namespaces with the same addresses, and when connects fail or are
// abandoned.
#include "agent/redirector/kernel_programs.h"
#include "tests/bpf/arena.h"
#include "tests/bpf/probe.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <new>
#include <sstream>
#include <string>
#include <vector>

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::tests {
namespace {

constexpr int kClients = 8;
constexpr int kRounds = 4000;

struct Tally {
  int connected = 0;
  int missing = 0;  // no record, or no reply
  int wrong = 0;    // somebody else's
  int failed = 0;
};

// One connection to a destination that is this client's and round's alone; even rounds by Fast
// Open. Reset at the end, so that its port can be used again at once.
void one_round(int client, int round, Tally& tally) {
  const std::uint16_t port = static_cast<std::uint16_t>(1000 + client);
  const std::string address =
      "203.0." + std::to_string(113 + round / 250) + "." + std::to_string(1 + round % 250);
  const sockaddr_storage to = address_of(address.c_str(), port);
  const host::UniqueFd fd = tcp_socket(AF_INET);
  const linger reset{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  Connected got;
  if (round % 2 == 0) {
    if (::sendto(fd.get(), "x", 1, MSG_FASTOPEN, reinterpret_cast<const sockaddr*>(&to),
                 size_of(to)) != 1) {
      ++tally.failed;
      return;
    }
    got = finish(fd.get());
  } else {
    got = connect_with(fd.get(), to);
  }
  if (got.error != 0) {
    ++tally.failed;
    return;
  }
  ++tally.connected;
  if (!got.read || got.reply.error != 0)
    ++tally.missing;
  else if (destination_of(got.reply.origin) != address + ":" + std::to_string(port) ||
           got.reply.origin.tgid != got.tgid)
    ++tally.wrong;
}

// How many connections the kernel has accepted with data in their SYN.
long fast_opens() {
  std::ifstream in("/proc/self/net/netstat");
  std::string names;
  std::string values;
  while (std::getline(in, names) && std::getline(in, values)) {
    std::istringstream name_words(names);
    std::istringstream value_words(values);
    std::string name;
    std::string value;
    while (name_words >> name && value_words >> value)
      if (name == "TCPFastOpenPassive") return std::stol(value);
  }
  return -1;
}

class HandoffTest : public KernelTest {
 protected:
  // Every client connects to ports of its own: they must all be in scope.
  redirector::Settings settings() const {
    redirector::Settings settings = const_cast<HandoffTest*>(this)->arena().settings();
    settings.ports.clear();
    for (int client = 0; client < kClients; ++client)
      settings.ports.push_back(static_cast<std::uint16_t>(1000 + client));
    settings.ports.push_back(443);
    return settings;
  }

  // Forked below one labelled process, so that they inherit its label as real ones do. networks:
  // the files of the namespaces in which they take turns, none means this one.
  Tally run_clients(const std::vector<int>& networks = {}) {
    struct Board {
      Tally tally[kClients];
    };
    void* shared =
        ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    auto* board = new (shared) Board{};
    arena().in_client([&] {
      std::vector<pid_t> children;
      for (int client = 0; client < kClients; ++client) {
        const pid_t pid = ::fork();
        if (pid == 0) {
          if (!networks.empty() &&
              ::setns(networks[static_cast<std::size_t>(client) % networks.size()], CLONE_NEWNET) !=
                  0)
            ::_exit(1);
          for (int round = 0; round < kRounds; ++round)
            one_round(client, round, board->tally[client]);
          ::_exit(0);
        }
        children.push_back(pid);
      }
      bool good = true;
      for (const pid_t pid : children) {
        int status = 0;
        good = ::waitpid(pid, &status, 0) == pid && status == 0 && good;
      }
      return good;
    });
    Tally sum;
    for (const Tally& tally : board->tally) {
      sum.connected += tally.connected;
      sum.missing += tally.missing;
      sum.wrong += tally.wrong;
      sum.failed += tally.failed;
    }
    ::munmap(shared, sizeof(Board));
    return sum;
  }
};

TEST_F(HandoffTest, tens_of_thousands_of_connections_over_few_ports_are_never_mixed_up) {
  write_text("/proc/sys/net/ipv4/ip_local_port_range", "20000 20399");
  arena().start_redirector(settings());
  const Arena::Proxy proxy = arena().start_proxy();
  const Tally tally = run_clients();
  EXPECT_EQ(tally.failed, 0);
  EXPECT_EQ(tally.connected, kClients * kRounds);
  EXPECT_GT(fast_opens(), kClients * kRounds / 3) << "this test needs Fast Open to prove anything";
  EXPECT_EQ(tally.wrong, 0);
  EXPECT_EQ(tally.missing, 0);
  EXPECT_EQ(arena().maps().handoffs(), 0U) << "nothing is left over";
  EXPECT_EQ(arena().count(VW_REASON_HANDED_OFF), arena().count(VW_REASON_ACCEPTED));
  EXPECT_EQ(arena().count(VW_REASON_ACCEPT_WITHOUT_RECORD), 0U);
}

TEST_F(HandoffTest, two_namespaces_with_the_same_addresses_and_ports_are_not_confused) {
  arena().start_redirector(settings());
  // Both proxies listen on the same port of their own loopback, both sets of clients use the same
  // few ports.
  write_text("/proc/sys/net/ipv4/ip_local_port_range", "20000 20199");
  const host::UniqueFd here(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  const Arena::Proxy first = arena().start_proxy({.port4 = 18443});
  enter_network();
  write_text("/proc/sys/net/ipv4/ip_local_port_range", "20000 20199");
  const host::UniqueFd there(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  const Arena::Proxy second = arena().start_proxy({.port4 = 18443});
  const Tally tally = run_clients({here.get(), there.get()});
  EXPECT_EQ(tally.failed, 0);
  EXPECT_EQ(tally.connected, kClients * kRounds);
  EXPECT_EQ(tally.wrong, 0);
  EXPECT_EQ(tally.missing, 0);
  EXPECT_EQ(arena().maps().handoffs(), 0U);
  EXPECT_EQ(arena().maps().listeners().size(), 2U);
}

TEST_F(HandoffTest, a_namespace_without_a_proxy_is_treated_as_one_with_a_dead_proxy) {
  arena().start_redirector(settings());
  const Arena::Proxy proxy = arena().start_proxy();
  const Connected got = arena().in_client([] {
    enter_network();
    return connect_to(kRemote4, 443);
  });
  EXPECT_EQ(got.error, ECONNREFUSED);
  EXPECT_EQ(arena().count(VW_REASON_NO_LISTENER_HERE), 1U);
  EXPECT_EQ(arena().count(VW_REASON_REFUSED_CLOSED), 1U);
}

TEST_F(HandoffTest, without_room_for_a_record_there_is_none_and_it_is_counted) {
  arena().start_redirector(settings());
  const Arena::Proxy proxy = arena().start_proxy();
  const auto connect = [&] { return arena().in_client([] { return connect_to(kRemote4, 443); }); };
  const std::string path = redirector::versioned_directory(arena().pins()) + "/maps/handoff";
  const host::UniqueFd handoff(::bpf_obj_get(path.c_str()));
  ASSERT_TRUE(handoff);
  std::vector<vw_tuple> others;
  for (vw_tuple other{};; ++other.netns_cookie) {  // no namespace's: cookies begin at 1, and rise
    other.reserved = 1;
    const vw_origin origin{};
    if (::bpf_map_update_elem(handoff.get(), &other, &origin, BPF_ANY) != 0) break;
    others.push_back(other);
  }
  ASSERT_FALSE(others.empty());
  const Connected without = connect();
  EXPECT_EQ(without.error, 0);
  EXPECT_EQ(without.reply.error, ENOENT) << "which a proxy answers by closing";
  EXPECT_EQ(arena().count(VW_REASON_HANDOFF_FULL), 1U);
  EXPECT_EQ(arena().maps().handoffs(), others.size());
  ASSERT_EQ(::bpf_map_delete_elem(handoff.get(), &others.front()), 0);
  EXPECT_EQ(connect().reply.error, 0) << "one place is enough";
}

TEST_F(HandoffTest, the_callbacks_that_another_program_asked_for_are_kept) {
  const Probe probe;
  const host::UniqueFd foreign = probe.attach("foreign_sockops", arena().clients_cgroup());
  arena().start_redirector(settings());
  const Arena::Proxy proxy = arena().start_proxy();
  const int flags = arena().in_client([] {
    const host::UniqueFd fd = tcp_socket(AF_INET);
    if (!connect_with(fd.get(), address_of(kRemote4, 443)).read) return -1;
    int mark = -1;
    socklen_t size = sizeof(mark);
    ::getsockopt(fd.get(), SOL_SOCKET, SO_MARK, &mark, &size);
    return mark;
  });
  EXPECT_EQ(flags, BPF_SOCK_OPS_RTT_CB_FLAG | BPF_SOCK_OPS_STATE_CB_FLAG);
  EXPECT_EQ(arena().count(VW_REASON_HANDOFF_UNWATCHED), 0U);
}

TEST_F(HandoffTest, a_connect_that_is_given_up_leaves_nothing) {
  arena().start_redirector(settings());
  Arena::Proxy proxy = arena().start_proxy({.backlog = 1});
  proxy.accept_nothing();
  struct Seen {
    std::size_t while_waiting;
    std::size_t after_close;
  };
  // Two fill the queue; the SYNs of the others are dropped, so that they stay in SYN_SENT.
  const Seen seen = arena().in_client([this] {
    std::vector<host::UniqueFd> sockets;
    for (int i = 0; i < 5; ++i) {
      sockets.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      const sockaddr_storage to = address_of(kRemote4, 443);
      (void)!::connect(sockets.back().get(), reinterpret_cast<const sockaddr*>(&to), size_of(to));
    }
    Seen result{.while_waiting = arena().maps().handoffs(), .after_close = 99};
    sockets.clear();
    result.after_close = arena().maps().handoffs();
    return result;
  });
  EXPECT_EQ(seen.while_waiting, 3U);
  EXPECT_EQ(seen.after_close, 0U);
  EXPECT_EQ(arena().count(VW_REASON_HANDOFF_DROPPED), 3U);
}

TEST_F(HandoffTest, a_connection_that_is_abandoned_without_a_byte_leaves_nothing) {
  arena().start_redirector(settings());
  const Arena::Proxy proxy = arena().start_proxy();
  arena().in_client([] {
    for (int i = 0; i < 200; ++i) {
      const host::UniqueFd fd(
          ::socket(i % 2 == 0 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      const sockaddr_storage to = address_of(i % 2 == 0 ? kRemote4 : kRemote6, 443);
      (void)!::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), size_of(to));
    }
    return 0;
  });
  // One more that is answered: the queue before it has been worked off.
  EXPECT_TRUE(arena().in_client([] { return connect_to(kRemote4, 443); }).read);
  EXPECT_EQ(arena().maps().handoffs(), 0U);
  EXPECT_EQ(arena().count(VW_REASON_HANDED_OFF), 201U);
}

}  // namespace
}  // namespace veilwire::tests
