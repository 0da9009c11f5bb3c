// All of `veilwire doctor`: looks, judges, and gives what was found. Tested by
// tests/unit/doctor/doctor_command_test.cpp and tests/e2e/doctor_test.py.
#pragma once

#include "agent/doctor/finding.h"
#include "userspace/base/time.h"

#include <functional>
#include <string>

namespace veilwire::doctor {

struct DoctorOptions {
  std::string config;
  bool config_given = false;
  std::string program_folder;
  bool all = false;
  bool json = false;
};

// tell is called with the part that is looked at next.
Findings examine(const DoctorOptions& options, WallTime now,
                 const std::function<void(const std::string&)>& tell);

}  // namespace veilwire::doctor
