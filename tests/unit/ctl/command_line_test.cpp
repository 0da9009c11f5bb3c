// The veilwire command as a shell sees it: exit codes and where its words go.
#include "tests/unit/ctl/scratch_folder.h"

#include <array>
#include <cstdio>
#include <string>

#include <gtest/gtest.h>
#include <sys/wait.h>

namespace veilwire::ctl {
namespace {

struct Ran {
  int exit_code = -1;
  std::string output;
};

Ran run(const std::string& arguments) {
  Ran ran;
  const std::string command = std::string(VEILWIRE_BINARY_DIR) + "/bin/veilwire " + arguments;
  FILE* pipe = ::popen(command.c_str(), "re");
  if (pipe == nullptr) return ran;
  std::array<char, 4096> piece{};
  for (std::size_t n = 0; (n = std::fread(piece.data(), 1, piece.size(), pipe)) != 0;)
    ran.output.append(piece.data(), n);
  const int status = ::pclose(pipe);
  if (WIFEXITED(status)) ran.exit_code = WEXITSTATUS(status);
  return ran;
}

TEST(CommandLine, HelpAndVersionGoToStandardOutput) {
  EXPECT_EQ(run("--help 2>/dev/null").exit_code, 0);
  for (const char* word : {"status", "policy", "--config", "--version"})
    EXPECT_NE(run("--help 2>/dev/null").output.find(word), std::string::npos) << word;
  EXPECT_EQ(run("--version 2>/dev/null").output.find("veilwire "), 0U);
  EXPECT_EQ(run("policy test --help 2>/dev/null").exit_code, 0);
}

TEST(CommandLine, WrongUsageIsTwoAndSaysWhatWasNotUnderstood) {
  EXPECT_EQ(run("2>&1").exit_code, 2);
  EXPECT_EQ(run("policy 2>&1").exit_code, 2);
  EXPECT_EQ(run("policy check a b 2>&1").exit_code, 2);
  const Ran unknown = run("frobnicate 2>&1 >/dev/null");
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_NE(unknown.output.find("frobnicate"), std::string::npos) << unknown.output;
}

TEST(CommandLine, ThePolicyDefaultsToTheConfiguredOne) {
  const testing::ScratchFolder folder;
  const std::string policy =
      folder.write("own.toml", "[[host]]\nname = \"a.example\"\nspeaks = \"mcp\"\n");
  const std::string config = folder.write("agent.toml", "[proxy]\npolicy = \"" + policy + "\"\n");
  const Ran ran = run("policy check --config " + config + " 2>&1");
  EXPECT_EQ(ran.exit_code, 0) << ran.output;
  EXPECT_EQ(ran.output.find(policy + ": ok"), 0U) << ran.output;
  EXPECT_EQ(run("--config " + config + " policy show 2>&1").exit_code, 0);
}

TEST(CommandLine, AMistakeInAPolicyIsOneOnStandardError) {
  const testing::ScratchFolder folder;
  const std::string policy = folder.write("bad.toml", "ports = 1\n");
  EXPECT_EQ(run("policy check " + policy + " 2>/dev/null").output, "");
  const Ran ran = run("policy check " + policy + " 2>&1 >/dev/null");
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_NE(ran.output.find("bad.toml:1:9: error: "), std::string::npos) << ran.output;
}

TEST(CommandLine, AConfigurationThatWasNamedMustBeThere) {
  const Ran ran = run("status --config /nonexistent/agent.toml 2>&1");
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_NE(ran.output.find("/nonexistent/agent.toml"), std::string::npos);
}

}  // namespace
}  // namespace veilwire::ctl
