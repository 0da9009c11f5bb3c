// What is well in every part and wrong in the whole: the programs' documents compared with each
// other. Each concern is one line for a person, with what to do about it; any makes the host
// degraded. Tested by tests/unit/ctl/status_concerns_test.cpp.
#pragma once

#include "agent/ctl/status.h"

#include <string>
#include <vector>

namespace veilwire::ctl {

std::vector<std::string> concerns_of(const StatusReport& report);

}  // namespace veilwire::ctl
