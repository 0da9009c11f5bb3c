// The veilwire command as a shell sees it: exit codes and where its words go.
#include "tests/unit/ctl/run_veilwire.h"
#include "tests/unit/ctl/scratch_folder.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::ctl {
namespace {

using testing::Ran;
using testing::run;

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
