// Are the programs of the agent up, well, and the ones that are installed? Tested by
// tests/unit/doctor/programs_check_test.cpp.
#pragma once

#include "agent/ctl/status.h"
#include "agent/doctor/finding.h"

#include <string>
#include <vector>

namespace veilwire::doctor {

struct ProcessFacts {
  std::string program;  // "proxy"
  long pid = 0;
  bool is_installed = true;  // what it runs is the file that is installed
};
struct ProgramsFacts {
  ctl::StatusReport report;
  std::vector<ProcessFacts> processes;     // of those that answer
  std::vector<std::string> stale_sockets;  // files that nobody listens on
};

Findings check_programs(const ProgramsFacts& facts);

}  // namespace veilwire::doctor
