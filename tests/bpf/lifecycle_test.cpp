// What happens when a part dies, hangs, is replaced, is upgraded, is taken away, or was never
// there.
#include "agent/host/local_socket.h"
#include "agent/redirector/detach.h"
#include "agent/redirector/kernel_programs.h"
#include "agent/redirector/places.h"
#include "agent/redirector/redirector.h"
#include "agent/redirector/status.h"
#include "tests/bpf/arena.h"
#include "tests/bpf/probe.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <functional>
#include <new>
#include <string>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace veilwire::tests {
namespace {

namespace fs = std::filesystem;

class LifecycleTest : public KernelTest {
 protected:
  Connected connect() {
    return arena().in_client([] { return connect_to(kRemote4, 443); });
  }
  // Whether a connect reaches a server of its own at the destination, past the proxy.
  bool passes(bool labelled = true) {
    return arena().in_client(
        [] {
          const host::UniqueFd server = listen_on(kRemote4, 443);
          const host::UniqueFd fd = tcp_socket(AF_INET);
          const sockaddr_storage to = address_of(kRemote4, 443);
          if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), size_of(to)) != 0)
            return false;
          pollfd ready{server.get(), POLLIN, 0};
          return ::poll(&ready, 1, 5000) == 1;
        },
        labelled);
  }
  // Looks every second whether everything is still there.
  redirector::Settings checking() {
    redirector::Settings settings = arena().settings();
    settings.check = std::chrono::seconds(1);
    return settings;
  }
  // Every program is attached, and each link runs the program that it is named after.
  bool in_force() {
    if (!effective()) return false;
    for (const redirector::LinkState& link : redirector::look_at_links(arena().pins()))
      if (Probe::program_name(link.program_id) != redirector::program_of(link).substr(0, 15))
        return false;
    return true;
  }
  static bool comes_true(const std::function<bool()>& condition) {
    for (int i = 0; i < 1000; ++i, ::poll(nullptr, 0, 10))
      if (condition()) return true;
    return false;
  }
  bool effective() { return redirector::read_status(arena().pins()).effective; }
};

TEST_F(LifecycleTest, without_a_proxy_yet_what_is_in_scope_is_refused) {
  arena().start_redirector(arena().settings());
  EXPECT_EQ(connect().error, ECONNREFUSED);
  EXPECT_EQ(arena().count(VW_REASON_NO_LISTENER_HERE), 1U);
  EXPECT_TRUE(arena().in_client([] { return connect_to("127.0.0.1", 443); }).error == ECONNREFUSED)
      << "by the kernel itself";
  EXPECT_EQ(arena().count(VW_REASON_REFUSED_CLOSED), 1U) << "loopback is not";
}

TEST_F(LifecycleTest, a_dead_proxy_is_seen_by_the_very_next_connect_and_closed_means_refused) {
  arena().start_redirector(arena().settings());
  Arena::Proxy proxy = arena().start_proxy();
  ASSERT_TRUE(connect().read);
  proxy.process.kill();
  EXPECT_EQ(connect().error, ECONNREFUSED);
  EXPECT_EQ(arena().count(VW_REASON_LISTENER_DEAD), 1U);
  EXPECT_EQ(arena().count(VW_REASON_REFUSED_CLOSED), 1U);
  EXPECT_FALSE(redirector::read_status(arena().pins()).proxy_alive);
}

TEST_F(LifecycleTest, a_dead_proxy_refuses_anybody_what_is_configured_and_nothing_else) {
  redirector::Settings settings = arena().settings();
  settings.targets = {*redirector::parse_prefix("192.0.2.0/24")};
  settings.endpoints = {*redirector::parse_endpoint("127.0.0.1:3999")};
  arena().start_redirector(settings);
  Arena::Proxy proxy = arena().start_proxy();
  proxy.process.kill();
  const host::UniqueFd elsewhere = listen_on(kOther4, 443);
  const host::UniqueFd beside = listen_on("127.0.0.1", 3998);
  const auto error = [&](const char* address, std::uint16_t port) {
    return arena().in_client(
        [=] {
          const host::UniqueFd fd = tcp_socket(AF_INET);
          const sockaddr_storage to = address_of(address, port);
          const auto* raw = reinterpret_cast<const sockaddr*>(&to);
          return ::connect(fd.get(), raw, size_of(to)) == 0 ? 0 : errno;
        },
        /*labelled=*/false);
  };
  EXPECT_EQ(error(kRemote4, 443), ECONNREFUSED) << "a target";
  EXPECT_EQ(error("127.0.0.1", 3999), ECONNREFUSED) << "an endpoint";
  EXPECT_EQ(arena().count(VW_REASON_REFUSED_CLOSED), 2U);
  EXPECT_EQ(error(kOther4, 443), 0);
  EXPECT_EQ(error("127.0.0.1", 3998), 0);
  EXPECT_EQ(arena().count(VW_REASON_REFUSED_CLOSED), 2U);
}

TEST_F(LifecycleTest, open_lets_it_through_and_counts_it) {
  redirector::Settings settings = arena().settings();
  settings.when_proxy_dead = VW_MODE_OPEN;
  arena().start_redirector(settings);
  Arena::Proxy proxy = arena().start_proxy();
  ASSERT_TRUE(connect().read);
  proxy.close_listeners();
  EXPECT_TRUE(passes());
  EXPECT_EQ(arena().count(VW_REASON_PASSED_OPEN), 1U);
}

TEST_F(LifecycleTest, a_proxy_that_hangs_is_dead) {
  arena().start_redirector(arena().settings());
  Arena::Proxy proxy = arena().start_proxy();
  ASSERT_TRUE(connect().read);
  proxy.stop_beating();
  EXPECT_EQ(connect().error, ECONNREFUSED);
  EXPECT_EQ(arena().count(VW_REASON_HEARTBEAT_STALE), 1U);
  EXPECT_FALSE(redirector::read_status(arena().pins()).proxy_alive);
}

TEST_F(LifecycleTest, a_squatter_on_the_proxys_port_is_never_used) {
  arena().start_redirector(arena().settings());
  std::uint16_t port = 0;
  {
    Arena::Proxy proxy = arena().start_proxy();
    ASSERT_TRUE(connect().read);
    port = proxy.port4;
  }
  const host::UniqueFd squatter = listen_on("127.0.0.1", port);
  EXPECT_EQ(connect().error, ECONNREFUSED);
  EXPECT_GE(
      arena().count(VW_REASON_LISTENER_NOT_AUTHENTIC) + arena().count(VW_REASON_HEARTBEAT_STALE),
      1U);
  pollfd ready{squatter.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&ready, 1, 0), 0) << "nobody came";
}

TEST_F(LifecycleTest, a_new_proxy_on_other_ports_takes_over) {
  arena().start_redirector(arena().settings());
  {
    Arena::Proxy first = arena().start_proxy();
    ASSERT_TRUE(connect().read);
  }
  EXPECT_EQ(connect().error, ECONNREFUSED);
  const Arena::Proxy second = arena().start_proxy();
  EXPECT_TRUE(connect().read);
}

TEST_F(LifecycleTest, connects_queue_while_the_proxy_restarts_over_stored_listeners) {
  arena().start_redirector(arena().settings());
  Arena::Proxy first = arena().start_proxy({.store = true});
  ASSERT_TRUE(connect().read);
  first.process.kill();
  // Connected while nobody accepts, answered by the next proxy, whose service's cgroup is a new one
  // by then.
  int out[2];
  ASSERT_EQ(::pipe2(out, O_CLOEXEC), 0);
  Child client = arena().start_client([&] {
    const host::UniqueFd fd = tcp_socket(AF_INET);
    const sockaddr_storage to = address_of(kRemote4, 443);
    const int error =
        ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), size_of(to)) == 0 ? 0 : errno;
    (void)!::write(out[1], &error, sizeof(error));
    const Connected got = finish(fd.get());
    (void)!::write(out[1], &got, sizeof(got));
  });
  int error = -1;
  ASSERT_EQ(::read(out[0], &error, sizeof(error)), static_cast<ssize_t>(sizeof(error)));
  EXPECT_EQ(error, 0) << std::strerror(error) << ": not refused";
  ASSERT_EQ(::rmdir(arena().proxy_cgroup().c_str()), 0) << std::strerror(errno);
  ASSERT_EQ(::mkdir(arena().proxy_cgroup().c_str(), 0755), 0);
  const Arena::Proxy second = arena().start_proxy({.stored = &first.stored});
  Connected queued;
  ASSERT_EQ(::read(out[0], &queued, sizeof(queued)), static_cast<ssize_t>(sizeof(queued)));
  ::close(out[0]);
  ::close(out[1]);
  EXPECT_EQ(queued.error, 0) << std::strerror(queued.error);
  ASSERT_TRUE(queued.read);
  EXPECT_EQ(queued.reply.error, 0) << "the old cgroup's sockets still have their programs";
  EXPECT_EQ(destination_of(queued.reply.origin), "192.0.2.1:443");
}

TEST_F(LifecycleTest, everything_goes_on_while_the_redirector_is_away) {
  arena().start_redirector(arena().settings());
  const Arena::Proxy proxy = arena().start_proxy();
  arena().stop_redirector();
  EXPECT_TRUE(connect().read);
  EXPECT_TRUE(effective());
  // Inheritance, too.
  const Connected grandchild = arena().in_client([] {
    int out[2];
    if (::pipe(out) != 0) ::abort();
    if (::fork() == 0) {
      ::setsid();
      const Connected got = connect_to(kRemote4, 443);
      (void)!::write(out[1], &got, sizeof(got));
      ::_exit(0);
    }
    Connected got;
    if (::read(out[0], &got, sizeof(got)) != sizeof(got)) ::abort();
    return got;
  });
  EXPECT_TRUE(grandchild.read);
  EXPECT_NE(grandchild.reply.origin.flags & VW_ORIGIN_LABELLED, 0U);
}

TEST_F(LifecycleTest, restarts_of_the_redirector_lose_no_connection) {
  arena().start_redirector(arena().settings());
  const Arena::Proxy proxy = arena().start_proxy();
  struct Board {
    std::uint64_t good;
    std::uint64_t bad;
    int stop;
  };
  void* memory =
      ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  auto* board = new (memory) Board{};
  const std::vector<redirector::LinkState> before = redirector::look_at_links(arena().pins());
  Child client = arena().start_client([&] {
    while (__atomic_load_n(&board->stop, __ATOMIC_ACQUIRE) == 0) {
      const Connected got = connect_to(kRemote4, 443);
      const bool good = got.read && got.reply.error == 0 && got.reply.origin.tgid == got.tgid;
      __atomic_add_fetch(good ? &board->good : &board->bad, 1, __ATOMIC_RELEASE);
    }
  });
  for (int restart = 0; restart < 5; ++restart) {
    const std::uint64_t seen = __atomic_load_n(&board->good, __ATOMIC_ACQUIRE);
    arena().start_redirector(arena().settings());
    while (__atomic_load_n(&board->good, __ATOMIC_ACQUIRE) < seen + 50) ::poll(nullptr, 0, 1);
  }
  __atomic_store_n(&board->stop, 1, __ATOMIC_RELEASE);
  EXPECT_EQ(client.wait(), 0);
  EXPECT_GE(board->good, 250U);
  EXPECT_EQ(board->bad, 0U);
  ::munmap(memory, sizeof(Board));
  const std::vector<redirector::LinkState> after = redirector::look_at_links(arena().pins());
  ASSERT_EQ(after.size(), before.size());
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_NE(after[i].program_id, before[i].program_id) << after[i].name << " is the new program";
    if (after[i].cgroup_id != 0) {
      EXPECT_EQ(after[i].link_id, before[i].link_id) << after[i].name << " was updated in place";
    }
  }
}

TEST_F(LifecycleTest, detach_leaves_nothing_behind) {
  arena().start_redirector(arena().settings());
  const Arena::Proxy proxy = arena().start_proxy();
  ASSERT_TRUE(effective());
  ASSERT_TRUE(connect().read);
  const std::vector<redirector::LinkState> links = redirector::look_at_links(arena().pins());
  // With the redirector running: its own descriptors keep nothing attached.
  EXPECT_EQ(redirector::detach_all(arena().pins()), std::vector<std::string>{});
  EXPECT_FALSE(fs::exists(arena().pins()));
  EXPECT_TRUE(passes(/*labelled=*/false)) << "there is no map left to label in";
  const Probe probe;
  for (const redirector::LinkState& link : links)
    EXPECT_FALSE(probe.link_exists(link.link_id)) << link.name;
  EXPECT_FALSE(redirector::read_status(arena().pins()).loaded);
  EXPECT_EQ(redirector::detach_all(arena().pins()), std::vector<std::string>{}) << "twice is fine";
}

TEST_F(LifecycleTest, another_layouts_pins_are_removed_after_an_upgrade) {
  arena().start_redirector(arena().settings());
  arena().stop_redirector();
  fs::rename(redirector::versioned_directory(arena().pins()), arena().pins() + "/v0");
  arena().start_redirector(arena().settings());
  EXPECT_FALSE(fs::exists(arena().pins() + "/v0"));
  const Arena::Proxy proxy = arena().start_proxy();
  EXPECT_TRUE(effective());
  EXPECT_TRUE(connect().read);
}

TEST_F(LifecycleTest, a_link_that_somebody_detached_is_noticed) {
  arena().start_redirector(arena().settings());
  const Arena::Proxy proxy = arena().start_proxy();
  ASSERT_TRUE(effective());
  arena().stop_redirector();
  const Probe probe;
  probe.detach_pinned(redirector::versioned_directory(arena().pins()) + "/links/vw_connect4");
  EXPECT_FALSE(effective());
  const std::vector<redirector::LinkState> links = redirector::look_at_links(arena().pins());
  for (const redirector::LinkState& link : links)
    EXPECT_EQ(link.attached && link.effective, link.name != "vw_connect4") << link.name;
  arena().start_redirector(arena().settings());
  EXPECT_TRUE(effective()) << "a restart mends it";
}

TEST_F(LifecycleTest, a_running_redirector_attaches_again_what_somebody_detached) {
  arena().start_redirector(checking());
  const Arena::Proxy proxy = arena().start_proxy();
  const std::string links = redirector::versioned_directory(arena().pins()) + "/links/";
  const Probe probe;
  const auto detach = [&](const std::string& program) { probe.detach_pinned(links + program); };
  const auto unpin = [&](const std::string& program) { ::unlink((links + program).c_str()); };
  std::string getsockopt;
  for (const redirector::LinkState& link : redirector::look_at_links(arena().pins()))
    if (redirector::program_of(link) == "vw_getsockopt") getsockopt = link.name;
  const std::vector<std::function<void()>> losses = {
      [&] { detach("vw_connect4"); },
      [&] { unpin("vw_connecting"); },
      [&] { unpin("vw_fork"); },  // a tracing link ends with its pin
      [&] { detach(getsockopt); },
      [&] { fs::remove_all(arena().pins()); },
      [&] { probe.replace_pinned(links + "vw_connect4", "foreign_connect4"); },
  };
  for (std::size_t i = 0; i < losses.size(); ++i) {
    ASSERT_TRUE(comes_true([&] { return in_force(); })) << i;
    arena().signal_redirector(SIGSTOP);
    losses[i]();
    EXPECT_FALSE(in_force()) << i;
    arena().signal_redirector(SIGCONT);
    EXPECT_TRUE(comes_true([&] { return in_force(); })) << i;
    const Connected got = connect();
    EXPECT_TRUE(got.read && got.reply.error == 0) << i;
    EXPECT_NE(got.reply.origin.flags & VW_ORIGIN_LABELLED, 0U) << i;
  }
}

TEST_F(LifecycleTest, a_running_redirector_does_not_undo_a_detach) {
  arena().start_redirector(checking());
  const Arena::Proxy proxy = arena().start_proxy();
  ASSERT_TRUE(effective());
  EXPECT_EQ(redirector::detach_all(arena().pins()), std::vector<std::string>{});
  ::poll(nullptr, 0, 2500);  // more than two checks
  EXPECT_FALSE(fs::exists(arena().pins()));
  arena().start_redirector(checking());
  EXPECT_TRUE(effective()) << "until it is started again";
}

TEST_F(LifecycleTest, an_exclusive_program_of_somebody_else_is_reported_and_left_alone) {
  const Probe probe;
  probe.attach_exclusive("foreign_connect4", arena().clients_cgroup());
  const redirector::Settings settings = arena().settings();
  EXPECT_FALSE(arena().redirector_starts(settings));
  std::string why;
  try {
    const redirector::Redirector here(settings, host::listen_local(settings.socket, 0666), kNobody);
  } catch (const std::exception& error) {
    why = error.what();
  }
  EXPECT_NE(why.find("attach vw_connect4 to " + arena().clients_cgroup()), std::string::npos)
      << why;
  EXPECT_NE(why.find("exclusively"), std::string::npos) << why;
  EXPECT_TRUE(probe.is_effective("foreign_connect4", arena().clients_cgroup()));
  EXPECT_FALSE(fs::exists(arena().pins())) << "no half of a set stays behind";
}

TEST_F(LifecycleTest, a_failed_upgrade_leaves_what_was_in_force) {
  arena().start_redirector(arena().settings());
  const Arena::Proxy proxy = arena().start_proxy();
  redirector::Settings wrong = arena().settings();
  wrong.cgroup = "/no/such/cgroup";
  EXPECT_FALSE(arena().redirector_starts(wrong));
  EXPECT_TRUE(effective());
  EXPECT_TRUE(connect().read);
}

TEST_F(LifecycleTest, cgroups_are_found_by_name_path_and_id) {
  const redirector::Cgroup by_path = redirector::open_cgroup(arena().clients_cgroup());
  const fs::path path = arena().clients_cgroup();
  const std::string below = "/" + path.parent_path().filename().string() + "/clients";
  const redirector::Cgroup by_name = redirector::open_cgroup(below);
  EXPECT_EQ(by_name.id, by_path.id);
  EXPECT_EQ(by_name.path, by_path.path);
  EXPECT_EQ(by_name.level, 2U);
  EXPECT_EQ(redirector::open_cgroup("/").level, 0U);
  const auto by_id = redirector::open_cgroup_by_id(by_path.id);
  ASSERT_TRUE(by_id);
  EXPECT_EQ(by_id->path, by_path.path);
  EXPECT_FALSE(redirector::open_cgroup_by_id(0xffffffffffffULL));
  EXPECT_THROW(redirector::open_cgroup("/no/such/cgroup"), std::exception);
  EXPECT_THROW(redirector::open_cgroup("/../etc"), std::exception);
  EXPECT_THROW(redirector::prepare_pin_directory("/tmp/not-a-bpffs"), std::exception);
}

}  // namespace
}  // namespace veilwire::tests
