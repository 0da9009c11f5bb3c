#include "agent/credentials/command_source.h"

#include "tests/unit/credentials/folder.h"

#include <chrono>
#include <thread>

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

namespace veilwire::credentials {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

std::string outcome(const std::vector<std::string>& command,
                    std::chrono::milliseconds patience = 10s) {
  const auto fetched = CommandSource(command, patience).fetch();
  return fetched ? "says: " + std::string(fetched->value.reveal()) : fetched.error();
}
std::string of_shell(const std::string& script, std::chrono::milliseconds patience = 10s) {
  return outcome({"/bin/sh", "-c", script}, patience);
}

bool ends_soon(pid_t pid) {
  for (const auto end = Clock::now() + 10s; Clock::now() < end; std::this_thread::sleep_for(10ms)) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
    std::string number, name, state;
    if (!(in >> number >> name >> state) || state == "Z") return true;
  }
  return false;
}

TEST(CommandSource, TakesWhatAProgramPrints) {
  EXPECT_EQ(outcome({"/bin/echo", "the key"}), "says: the key");
  EXPECT_EQ(outcome({"/bin/echo", "$HOME; `id`"}), "says: $HOME; `id`");
}

TEST(CommandSource, GivesItACleanEnvironmentAndNothingOfOurs) {
  ::setenv("VEILWIRE_TEST_LEFT", "left", 1);
  EXPECT_EQ(of_shell("env -u PWD -u SHLVL -u _ | sort | tr '\\n' ' ' | sed 's/ $//'"),
            "says: LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin");
  EXPECT_EQ(of_shell("ls /proc/self/fd | tr '\\n' ' ' | sed 's/ $//'"), "says: 0 1 2 3");
  EXPECT_EQ(of_shell("pwd; cat"), "says: /");
}

TEST(CommandSource, SaysWhyThereIsNothingAndNotWhatWasPrinted) {
  EXPECT_EQ(of_shell("echo sekret; echo sekret >&2; exit 3"),
            "its command failed with exit code 3");
  EXPECT_EQ(of_shell("kill -9 $$"), "its command was ended by signal 9");
  EXPECT_EQ(of_shell("true"), "what its command says is empty");
  EXPECT_EQ(of_shell("printf 'sek\\nret\\n'").find("sek"), std::string::npos);
  EXPECT_EQ(of_shell("yes sekret"), "its command says more than 8192 bytes");
  EXPECT_EQ(outcome({"/no/such/program"}),
            "its command cannot be started, or has not found another");
}

TEST(CommandSource, KillsWhatHangsWithItsChildren) {
  const Folder folder;
  const auto begin = Clock::now();
  EXPECT_EQ(of_shell("sleep 1000 & echo $! >" + folder.path + "/child; wait", 500ms),
            "its command has not ended in time");
  EXPECT_LT(Clock::now() - begin, 30s);
  EXPECT_TRUE(ends_soon(std::stoi(folder.read("child"))));
}

TEST(CommandSource, LeavesNoChildThatWantsToOutliveIt) {
  const Folder folder;
  // Without standard output of its own, and out of its session if it could.
  EXPECT_EQ(of_shell("sleep 1000 >/dev/null & echo $! >" + folder.path +
                     "/child; setsid sleep 1001 2>/dev/null; "
                     "python3 -c 'import os; os.setpgid(0, 0)' 2>/dev/null && exit 9; echo key"),
            "says: key");
  EXPECT_TRUE(ends_soon(std::stoi(folder.read("child"))));
}

TEST(CommandSource, DoesNotWaitForAChildThatHoldsItsOutput) {
  const auto begin = Clock::now();
  EXPECT_EQ(of_shell("sleep 1000 & echo key", 60s), "says: key");
  EXPECT_LT(Clock::now() - begin, 50s);
}

TEST(CommandSource, StartsNothingThatOthersCanWrite) {
  const Folder folder;
  const std::string program = folder.write("give", "#!/bin/sh\necho key\n", 0775);
  EXPECT_NE(outcome({program}).find("writable by group or others"), std::string::npos);
  folder.write("give", "#!/bin/sh\necho key\n", 0755);
  EXPECT_EQ(outcome({program}), "says: key");
}

}  // namespace
}  // namespace veilwire::credentials
