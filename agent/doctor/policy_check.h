// The policy file: can it be used, and is it in force? Tested by
// tests/unit/doctor/policy_check_test.cpp.
#pragma once

#include "agent/ctl/status.h"
#include "agent/doctor/finding.h"

#include <string>
#include <vector>

namespace veilwire::doctor {

struct PolicyFacts {
  std::string path;
  std::string problem;   // the first mistake in it; "": none, or it cannot be read
  bool readable = true;  // by who asks
  std::vector<std::string> hosts;
  std::string observes;      // how much of it is only observed: policy::observed_extent()
  ctl::StatusReport report;  // what the proxy says is in force
};

Findings check_policy(const PolicyFacts& facts);

}  // namespace veilwire::doctor
