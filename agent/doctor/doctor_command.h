// The options of `veilwire doctor`, and its bound on time. Tested by
// tests/unit/doctor/doctor_command_test.cpp.
#pragma once

#include "agent/doctor/doctor.h"

#include <chrono>
#include <iosfwd>
#include <string>

namespace CLI {
class App;
}

namespace veilwire::doctor {

// program_folder: where our programs are. Reads --config, which belongs to the whole command.
void add_doctor(CLI::App& app, const std::string& program_folder, int& exit_code);

// Examines in a process of its own, since a file system may hang: prints, and gives the exit code.
int run_doctor(const DoctorOptions& options, std::chrono::milliseconds patience, std::ostream& out);

}  // namespace veilwire::doctor
