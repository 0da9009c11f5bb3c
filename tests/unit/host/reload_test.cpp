#include "agent/host/reload.h"

#include "agent/host/log.h"
#include "agent/host/program.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::host {
namespace {

bool comes(const std::function<bool()>& condition) {
  for (int i = 0; i < 2000 && !condition(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return condition();
}

// The signal is blocked for good, so each case has a process of its own.
int in_child(const std::function<int()>& work) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(work());
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(Reload, HappensOnceASignalAndForOneThatCameBefore) {
  EXPECT_EQ(in_child([] {
              const UniqueFd signal = reload_signal();
              ::kill(::getpid(), SIGHUP);
              std::atomic<int> count = 0;
              const ReloadThread reloads(signal.get(), [&] { ++count; });
              if (!comes([&] { return count == 1; })) return 1;
              ::kill(::getpid(), SIGHUP);
              return comes([&] { return count == 2; }) ? 42 : 2;
            }),
            42);
}

TEST(Reload, ThatFailsIsNotTheLast) {
  EXPECT_EQ(in_child([] {
              log::start("reload", "error");
              const UniqueFd signal = reload_signal();
              std::atomic<int> count = 0;
              const ReloadThread reloads(signal.get(), [&] {
                if (++count == 1) throw std::runtime_error("a mistake");
              });
              for (int wanted = 1; wanted <= 2; ++wanted) {
                ::kill(::getpid(), SIGHUP);
                if (!comes([&] { return count == wanted; })) return wanted;
              }
              return 42;
            }),
            42);
}

TEST(Reload, ReadsTheLogLevelOfItsTable) {
  std::string folder = ::testing::TempDir() + "reload-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string config = folder + "/agent.toml";
  const auto level = [&config](const std::string& name) {
    std::ofstream(config) << "[signer]\nlog_level = \"" << name << "\"\n";
    ::chmod(config.c_str(), 0644);
  };
  const auto says = [](const char* line) {
    ::testing::internal::CaptureStderr();
    log::debug(line);
    return !::testing::internal::GetCapturedStderr().empty();
  };
  EXPECT_EQ(in_child([&] {
              log::start("levels", "error");
              if (says("before")) return 1;
              level("debug");
              read_log_level_again(config, "signer");
              if (!says("after")) return 2;
              level("loud");
              try {
                read_log_level_again(config, "signer");
                return 3;
              } catch (const std::invalid_argument&) {
              }
              if (!says("still")) return 4;
              read_log_level_again(config, "proxy");  // has none: the default
              return says("of another") ? 5 : 42;
            }),
            42);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace veilwire::host
