// Programs of the system that set-up asks: the trust store's, systemctl. Found in the folders of
// the system alone, with an environment of ours, whatever the caller's is. Tested by
// tests/unit/setup/tool_test.cpp.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace veilwire::setup {

struct ToolResult {
  int status = -1;     // as a shell says it: 128 + N for signal N, 127: there is no such program
  std::string output;  // both streams, the last few kB
};

using RunTool = std::function<ToolResult(const std::vector<std::string>& command)>;

ToolResult run_tool(const std::vector<std::string>& command);

// "update-ca-certificates failed (1): what it said last", for a message.
std::string failure_of(const std::vector<std::string>& command, const ToolResult& result);

}  // namespace veilwire::setup
