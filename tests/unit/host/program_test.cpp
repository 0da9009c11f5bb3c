#include "agent/host/program.h"

#include "agent/host/local_socket.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include <CLI/CLI.hpp>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::host {
namespace {

int run(std::vector<const char*> arguments, const std::function<int(const DaemonOptions&)>& work) {
  arguments.insert(arguments.begin(), "veilwire-test");
  CLI::App app("A program.", "veilwire-test");
  DaemonOptions options;
  add_daemon_options(app, options, "1.2.3");
  return run_program(app, static_cast<int>(arguments.size()), arguments.data(),
                     [&] { return work(options); });
}

int must_not_run(const DaemonOptions&) {
  ADD_FAILURE() << "it worked";
  return 0;
}

TEST(Program, TakesItsOptions) {
  EXPECT_EQ(run({},
                [](const DaemonOptions& o) {
                  EXPECT_EQ(o.config, "/etc/veilwire/agent.toml");
                  EXPECT_FALSE(o.unconfined);
                  return 0;
                }),
            0);
  EXPECT_EQ(run({"--config", "/x.toml", "--unconfined"},
                [](const DaemonOptions& o) {
                  EXPECT_EQ(o.config, "/x.toml");
                  EXPECT_TRUE(o.unconfined);
                  return 0;
                }),
            0);
}

TEST(Program, ExitCodesTellDoneFailedAndWrongUsageApart) {
  EXPECT_EQ(run({"--help"}, must_not_run), 0);
  EXPECT_EQ(run({"--version"}, must_not_run), 0);
  EXPECT_EQ(run({"--no-such-option"}, must_not_run), 2);
  EXPECT_EQ(run({"--config"}, must_not_run), 2);
  EXPECT_EQ(run({}, [](const DaemonOptions&) { return 7; }), 7);
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(run({}, [](const DaemonOptions&) -> int { throw std::runtime_error("no disk"); }), 1);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "veilwire-test: no disk\n");
}

TEST(Program, VersionNamesTheProgram) {
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(run({"--version"}, must_not_run), 0);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "veilwire-test 1.2.3\n");
}

TEST(DaemonSettingsTest, DefaultsAreThoseOfTheProgram) {
  const DaemonSettings s = read_daemon_settings(Config::parse("", "agent.toml").section("signer"),
                                                "signer", {"veilwire"});
  EXPECT_EQ(s.user, "veilwire-signer");
  EXPECT_EQ(s.socket, "/run/veilwire-signer/signer.sock");
  EXPECT_EQ(s.status_socket, "/run/veilwire-signer/signer-status.sock");
  EXPECT_EQ(s.log_level, "info");
}

// A daemon changes its process for good, so each case has a process of its own.
class DaemonTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = ::testing::TempDir() + "daemon-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  DaemonSettings settings(const std::string& user = "") const {
    return {"test", user, folder_ + "/socket", folder_ + "/status", "error", {"64001:64001"}};
  }
  // What `work` returns in a child process.
  static int in_child(const std::function<int()>& work) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      try {
        ::_exit(work());
      } catch (const std::exception& e) {
        ::_exit(std::string(e.what()).find("must not be root") != std::string::npos ? 90 : 91);
      }
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  std::string folder_;
};

TEST_F(DaemonTest, OpensItsSocketsAndEndsBySignal) {
  EXPECT_EQ(in_child([this] {
              const Daemon daemon(settings());
              int ended = 0;
              daemon.serve("testing", [&](int stop) {
                const bool early = wait_readable(stop, 0);
                const bool listens = connect_local(folder_ + "/socket", true).has_value() &&
                                     connect_local(folder_ + "/status", true).has_value();
                ::kill(::getpid(), SIGTERM);
                ended = !early && listens && wait_readable(stop, 20'000) ? 42 : 1;
              });
              return ended;
            }),
            42);
}

TEST_F(DaemonTest, OnlyItsCallersCanConnect) {
  if (::getuid() != 0) GTEST_SKIP() << "SKIPPED: needs root";
  std::filesystem::permissions(folder_, std::filesystem::perms{0755});
  const auto connects_as = [this](uid_t user) {
    return in_child([&] {
      if (::setgroups(0, nullptr) != 0 || ::setresgid(user, user, user) != 0 ||
          ::setresuid(user, user, user) != 0)
        return 1;
      const auto fd = connect_local(folder_ + "/socket", true);
      return fd ? 42 : fd.error();
    });
  };
  EXPECT_EQ(in_child([&] {
              const Daemon daemon(settings());
              return connects_as(64001) == 42 && connects_as(64002) == EACCES ? 42 : 1;
            }),
            42);
}

TEST_F(DaemonTest, AListenerFromTheServiceManagerIsKept) {
  EXPECT_EQ(
      in_child([this] {
        const UniqueFd kept = listen_local(folder_ + "/kept", 0600);
        if (::dup2(kept.get(), 3) != 3) return 1;
        ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
        ::setenv("LISTEN_FDS", "1", 1);
        ::setenv("LISTEN_FDNAMES", "test", 1);
        const Daemon daemon(settings());
        const auto asker = connect_local(folder_ + "/kept", true);
        return accept_local(daemon.listener.get()) && !connect_local(folder_ + "/socket", true) ? 42
                                                                                                : 2;
      }),
      42);
}

TEST_F(DaemonTest, IsNeverRootButUnconfinedForTests) {
  if (::getuid() != 0) GTEST_SKIP() << "SKIPPED: needs root";
  const auto confined = [this](const std::string& user, bool unconfined) {
    return in_child([&] {
      const Daemon daemon(settings(user));
      daemon.confine(unconfined);
      return ::geteuid() == 0 ? 42 : 43;
    });
  };
  EXPECT_EQ(confined("0:0", false), 90);
  EXPECT_EQ(confined("", false), 90) << "whoever starts it";
  EXPECT_EQ(confined("0:0", true), 42);
  EXPECT_EQ(confined("65534:65534", false), 43);
}

}  // namespace
}  // namespace veilwire::host
