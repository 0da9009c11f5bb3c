// Is what the agent counts told to whom it should be? veilwire-metrics runs only where somebody has
// enabled it. Tested by tests/unit/doctor/metrics_check_test.cpp.
#pragma once

#include "agent/ctl/status.h"
#include "agent/doctor/finding.h"
#include "agent/doctor/units_check.h"

#include <string>
#include <vector>

namespace veilwire::doctor {

struct MetricsFacts {
  std::string listen;                  // "127.0.0.1:9469"
  bool listens = false;                // somebody does
  std::string problem;                 // what is wrong with the answer; "": it is one of ours
  std::vector<std::string> told_down;  // programs that it says do not answer
};

Findings check_metrics(const MetricsFacts& facts, const ctl::StatusReport& report,
                       const UnitsFacts& units);

}  // namespace veilwire::doctor
