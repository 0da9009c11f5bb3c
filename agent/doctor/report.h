// Findings as a person reads them, the worst first, and as a program does. Tested by
// tests/unit/doctor/report_test.cpp.
#pragma once

#include "agent/doctor/finding.h"

#include <string>
#include <string_view>

namespace veilwire::doctor {

std::string_view to_string(Severity severity);

// As monitoring plugins have it: 0 nothing but notes, 1 warnings, 2 something critical, 3 something
// could not be looked at and nothing of the other two was found.
int exit_code(const Findings& findings);

// Without `all` what is ok is only counted.
std::string to_text(const Findings& findings, bool all);
// One object with every finding, those that are ok too; ends with a newline.
std::string to_json(const Findings& findings);

}  // namespace veilwire::doctor
