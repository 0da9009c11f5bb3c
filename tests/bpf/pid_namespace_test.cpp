// The redirector, the proxy and clients in a PID namespace of their own, where all numbers are
// others than the kernel's: by which they are registered, looked at in /proc and named; who lives
// below it, and who outside.
#include "agent/host/local_socket.h"
#include "agent/redirector/places.h"
#include "agent/redirector/redirector.h"
#include "agent/redirector/status.h"
#include "tests/bpf/arena.h"
#include "tests/bpf/running.h"

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::tests {
namespace {

namespace fs = std::filesystem;

// Two processes that take turns.
class Turns {
 public:
  Turns() {
    if (::pipe2(there_, O_CLOEXEC) != 0 || ::pipe2(back_, O_CLOEXEC) != 0)
      throw std::runtime_error("pipe");
  }
  ~Turns() {
    for (const int fd : {there_[0], there_[1], back_[0], back_[1]}) ::close(fd);
  }
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;
  void begin() { give(there_[1]); }        // outside: the other one goes on,
  void until_done() { take(back_[0]); }    // until it says so
  void until_begun() { take(there_[0]); }  // inside
  void done() { give(back_[1]); }

 private:
  static void give(int fd) { ASSERT_EQ(::write(fd, "t", 1), 1); }
  static void take(int fd) {
    char byte = 0;
    pollfd ready{fd, POLLIN, 0};
    ASSERT_EQ(::poll(&ready, 1, 30'000), 1) << "the other one does not come";
    ASSERT_EQ(::read(fd, &byte, 1), 1);
  }
  int there_[2];
  int back_[2];
};

class PidNamespaceTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped()) return;
    settings_ = arena().settings();
    settings_.check = std::chrono::seconds(1);
    // The /proc that knows all numbers of a process.
    outer_proc_ = arena().directory() + "/proc";
    fs::create_directory(outer_proc_);
    ASSERT_EQ(::mount("/proc", outer_proc_.c_str(), nullptr, MS_BIND, nullptr), 0);
  }
  void TearDown() override {
    proxy_.reset();
    if (!outer_proc_.empty()) ::umount2(outer_proc_.c_str(), MNT_DETACH);
    KernelTest::TearDown();
  }

  // Runs body as the first process of a PID namespace, whose end is everybody's in there. What it
  // expects counts: 0 if all came true.
  Child start_inside(const std::function<void()>& body, bool own_proc = true) {
    const pid_t outer = ::fork();
    if (outer != 0) return Child(outer);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) ::_exit(96);
    const pid_t first = ::fork();
    if (first == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (own_proc) {
        EXPECT_EQ(::mount("proc", "/proc", "proc", 0, nullptr), 0);
      }
      EXPECT_EQ(::getpid(), 1);
      try {
        body();
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
      }
      std::fflush(nullptr);
      ::_exit(HasFailure() ? 1 : 0);
    }
    int status = 0;
    ::waitpid(first, &status, 0);
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 95);
  }
  void inside(const std::function<void()>& body, bool own_proc = true) {
    EXPECT_EQ(start_inside(body, own_proc).wait(), 0) << "what it says is above";
  }

  void start() {
    arena().start_redirector(settings_);
    proxy_.emplace(arena().start_proxy());
  }
  Running run(const std::string& path, std::vector<std::string> arguments) {
    return {arena(), path, std::move(arguments), ""};
  }
  std::string install(const std::string& name) {
    const fs::path path = fs::path(arena().directory()) / name;
    fs::create_directories(path.parent_path());
    fs::copy_file(VEILWIRE_TEST_CLIENT, path, fs::copy_options::overwrite_existing);
    return path.string();
  }
  // A program of another name that is executed as a client: /proc clears it.
  std::string misnamed() {
    const std::string tool = install("bin/tool");
    const std::string link = arena().directory() + "/bin/claude";
    fs::create_symlink(tool, link);
    return link;
  }

  // The numbers of a process from the initial namespace down to its own.
  std::vector<std::uint32_t> numbers(std::uint32_t tgid) {
    std::ifstream in(outer_proc_ + "/" + std::to_string(tgid) + "/status");
    for (std::string line; std::getline(in, line);) {
      if (!line.starts_with("NSpid:")) continue;
      std::istringstream words(line.substr(6));
      return {std::istream_iterator<std::uint32_t>(words), {}};
    }
    return {};
  }
  std::uint32_t kernel_tgid(std::uint32_t own_tgid) {
    for (const vw_process& process : arena().iterators().processes())
      if (process.own_tgid == own_tgid) return process.tgid;
    ADD_FAILURE() << "no process " << own_tgid;
    return 0;
  }
  std::optional<vw_label_state> state(std::uint32_t tgid) {
    const auto label = arena().maps().label(tgid);
    if (!label) return std::nullopt;
    return static_cast<vw_label_state>(label->word & VW_LABEL_STATE_MASK);
  }
  bool becomes(std::uint32_t tgid, vw_label_state expected) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (; std::chrono::steady_clock::now() < deadline; ::poll(nullptr, 0, 2))
      if (state(tgid) == expected) return true;
    return false;
  }

  redirector::Settings settings_;
  std::optional<Arena::Proxy> proxy_;
  std::string outer_proc_;
};

std::string tgid_member(std::uint32_t tgid) { return "\"tgid\":" + std::to_string(tgid); }

using Numbers = std::vector<std::uint32_t>;

TEST_F(PidNamespaceTest, in_the_initial_namespace_both_numbers_are_the_same) {
  start();
  struct stat own {};
  ASSERT_EQ(::stat("/proc/self/ns/pid", &own), 0);
  EXPECT_EQ(arena().maps().settings().pid_level, 0U);
  EXPECT_EQ(arena().maps().settings().pid_namespace, own.st_ino);
  Running client = run(install("bin/claude"), {"pidns", "connect", kRemote4, "443", "wait"});
  const Connected got = client.get<Connected>();
  EXPECT_TRUE(labelled(got));
  EXPECT_EQ(got.tgid, 1U);
  EXPECT_EQ(got.reply.origin.own_tgid, got.reply.origin.tgid);
  EXPECT_EQ(numbers(got.reply.origin.tgid), (Numbers{got.reply.origin.tgid, 1}));
}

TEST_F(PidNamespaceTest, a_client_is_labelled_confirmed_intercepted_and_named_by_its_number_there) {
  inside([this] {
    start();
    struct stat own {};
    ASSERT_EQ(::stat("/proc/self/ns/pid", &own), 0);
    EXPECT_EQ(arena().maps().settings().pid_level, 1U);
    EXPECT_EQ(arena().maps().settings().pid_namespace, own.st_ino);
    const auto proxy =
        arena().maps().label(kernel_tgid(static_cast<std::uint32_t>(proxy_->process.pid())));
    ASSERT_TRUE(proxy);
    EXPECT_EQ(proxy->word & VW_LABEL_STATE_MASK, VW_LABEL_EXEMPT);

    Running client = run(install("real/claude"), {"connect", kRemote4, "443", "wait"});
    const Connected got = client.get<Connected>();
    EXPECT_TRUE(labelled(got));
    EXPECT_EQ(text_of(got.peer), "192.0.2.1:443");
    const vw_origin& origin = got.reply.origin;
    EXPECT_EQ(destination_of(origin), "192.0.2.1:443");
    EXPECT_EQ(origin.own_tgid, client.tgid());
    EXPECT_EQ(numbers(origin.tgid), (Numbers{origin.tgid, client.tgid()}));
    EXPECT_TRUE(becomes(origin.tgid, VW_LABEL_CONFIRMED));

    const std::string status = redirector::to_json(redirector::read_status(arena().pins()));
    const std::string row = tgid_member(client.tgid()) + ",\"state\":\"confirmed\"";
    EXPECT_NE(status.find(row), std::string::npos) << status;
    EXPECT_TRUE(arena().in_client([this] {
      const host::UniqueFd fd = tcp_socket(AF_INET);
      if (!connect_with(fd.get(), address_of(kRemote4, 443)).read) return false;
      const std::string open = redirector::to_json(redirector::read_status(arena().pins()));
      const auto self = static_cast<std::uint32_t>(::getpid());
      return open.find(tgid_member(self) + ",\"uid\"") != std::string::npos;
    })) << "a redirected socket is its process's";
    EXPECT_EQ(client.wait(), 0);
    EXPECT_FALSE(state(origin.tgid)) << "gone with the process";
  });
}

TEST_F(PidNamespaceTest, what_only_has_the_name_of_a_client_is_cleared_by_what_proc_says_there) {
  inside([this] {
    start();
    Running client = run(misnamed(), {"wait"});
    EXPECT_TRUE(becomes(kernel_tgid(client.tgid()), VW_LABEL_CLEARED));
  });
}

TEST_F(PidNamespaceTest, clients_that_run_already_are_found) {
  inside([this] {
    Running client = run(install("bin/claude"), {"child", "wait"});
    const auto child = static_cast<std::uint32_t>(client.get<pid_t>());
    start();
    EXPECT_EQ(state(kernel_tgid(client.tgid())), VW_LABEL_CONFIRMED);
    EXPECT_EQ(state(kernel_tgid(child)), VW_LABEL_CONFIRMED);
  });
}

TEST_F(PidNamespaceTest, a_client_in_a_namespace_below_has_the_number_that_ours_gives_it) {
  inside([this] {
    start();
    Running client = run(install("bin/tool"), {"pidns", "exec", install("bin/claude"), "connect",
                                               kRemote4, "443", "wait"});
    const Connected got = client.get<Connected>();
    EXPECT_TRUE(labelled(got));
    EXPECT_EQ(got.tgid, 1U) << "to itself";
    const vw_origin& origin = got.reply.origin;
    EXPECT_EQ(numbers(origin.tgid), (Numbers{origin.tgid, origin.own_tgid, 1}));
    EXPECT_TRUE(becomes(origin.tgid, VW_LABEL_CONFIRMED)) << "found in our /proc";
  });
}

TEST_F(PidNamespaceTest, a_process_outside_is_in_scope_where_it_is_caught_and_never_cleared) {
  Turns turns;
  Child there = start_inside([&] {
    start();
    turns.done();
    turns.until_begun();
    arena().start_redirector(settings_);
    ::poll(nullptr, 0, 2500);  // more than two sweeps
    turns.done();
    turns.until_begun();
  });
  turns.until_done();
  Running client =
      run(misnamed(), {"connect", kRemote4, "443", "wait", "connect", kRemote4, "443"});
  const Connected first = client.get<Connected>();
  EXPECT_TRUE(labelled(first));
  EXPECT_EQ(first.reply.origin.tgid, client.tgid());
  EXPECT_EQ(first.reply.origin.own_tgid, 0U);
  turns.begin();
  turns.until_done();
  EXPECT_EQ(state(client.tgid()), VW_LABEL_SUSPECT) << "also after a start that did not see it";
  client.go();
  EXPECT_TRUE(labelled(client.get<Connected>()));
  turns.begin();
  EXPECT_EQ(there.wait(), 0);
}

TEST_F(PidNamespaceTest, a_proxy_outside_cannot_register) {
  Turns turns;
  Child there = start_inside([&] {
    arena().start_redirector(settings_);
    turns.done();
    turns.until_begun();
  });
  turns.until_done();
  EXPECT_THROW(arena().start_proxy(), std::runtime_error);
  EXPECT_TRUE(arena().maps().labels().empty());
  EXPECT_TRUE(arena().maps().listeners().empty());
  turns.begin();
  EXPECT_EQ(there.wait(), 0);
}

TEST_F(PidNamespaceTest, a_proc_of_another_namespace_is_refused_and_nothing_is_left_attached) {
  inside(
      [this] {
        std::string why;
        try {
          const redirector::Redirector here(settings_, host::listen_local(settings_.socket, 0666),
                                            kNobody);
        } catch (const std::exception& error) {
          why = error.what();
        }
        EXPECT_NE(why.find("mount -t proc"), std::string::npos) << why;
        EXPECT_FALSE(fs::exists(arena().pins()));
      },
      /*own_proc=*/false);
}

TEST_F(PidNamespaceTest, in_a_cgroup_namespace_the_proxys_cgroup_is_exempt_as_well) {
  inside([this] {
    arena().join(arena().root_cgroup());
    ASSERT_EQ(::unshare(CLONE_NEWCGROUP), 0);
    const std::string mount = arena().directory() + "/cgroup";
    fs::create_directory(mount);
    ASSERT_EQ(::mount("cgroup2", mount.c_str(), "cgroup2", 0, nullptr), 0);
    settings_.cgroup = "/";
    settings_.proxy_cgroup = "/proxy";
    ASSERT_EQ(redirector::open_cgroup("/").id, redirector::open_cgroup(mount).id);
    start();
    EXPECT_EQ(arena().maps().settings().proxy_cgroup_level, 2U);
    EXPECT_TRUE(arena().in_client([] { return connect_to(kRemote4, 443); }).read);
    EXPECT_EQ(arena().count(VW_REASON_PROXY_EXEMPT), 0U);
    const Connected got = arena().in_client([this] {
      arena().join(arena().proxy_cgroup());
      return connect_to(kRemote4, 443);
    });
    EXPECT_EQ(got.error, ECONNREFUSED) << "nobody listens there; not redirected";
    EXPECT_EQ(arena().count(VW_REASON_PROXY_EXEMPT), 1U);
  });
}

}  // namespace
}  // namespace veilwire::tests
