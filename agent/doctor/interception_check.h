// Is what the kernel should catch caught, and does somebody take it? Judges what the redirector's
// pins and the proxy say. Tested by tests/unit/doctor/interception_check_test.cpp.
#pragma once

#include "agent/ctl/status.h"
#include "agent/doctor/finding.h"

namespace veilwire::doctor {

Findings check_interception(const ctl::StatusReport& report);

}  // namespace veilwire::doctor
