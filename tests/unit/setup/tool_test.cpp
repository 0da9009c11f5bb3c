#include "agent/setup/tool.h"

#include <cstdlib>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace veilwire::setup {
namespace {

TEST(Tool, SaysWhatAProgramSaidAndHowItEnded) {
  const ToolResult result = run_tool({"sh", "-c", "echo out; echo err >&2; exit 3"});
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.output, "out\nerr\n");
  EXPECT_EQ(failure_of({"tool", "x"}, {3, "why\n"}), "tool x failed (3): why");
}

TEST(Tool, ReadsNothingAndKeepsTheLastWords) {
  EXPECT_EQ(run_tool({"cat"}).output, "");
  const ToolResult result = run_tool({"sh", "-c", "yes | head -c 100000; echo end"});
  EXPECT_LE(result.output.size(), 8192u);
  EXPECT_TRUE(result.output.ends_with("end\n"));
}

TEST(Tool, ASignalAndAMissingProgramAreToldApart) {
  EXPECT_EQ(run_tool({"sh", "-c", "kill -9 $$"}).status, 137);
  EXPECT_EQ(run_tool({"there-is-no-such-tool"}).status, 127);
}

TEST(Tool, TheCallersEnvironmentAndMaskDecideNothing) {
  const mode_t mask = ::umask(0);
  EXPECT_EQ(run_tool({"sh", "-c", "umask"}).output, "0022\n");
  ::umask(mask);
  ::setenv("LD_PRELOAD_OF_CALLER", "x", 1);
  const ToolResult result = run_tool({"env"});
  EXPECT_EQ(result.output,
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nLC_ALL=C.UTF-8\n");
}

}  // namespace
}  // namespace veilwire::setup
