// Findings as SARIF 2.1.0, for what shows them beside the code. Sections named here are those of
// the standard. Tested by tests/unit/ctl/scan_report_test.cpp.
#pragma once

#include "agent/ctl/scan_report.h"

#include <iosfwd>
#include <memory>
#include <string>

namespace veilwire::ctl {

std::unique_ptr<ScanReport> make_sarif_report(const ScanPolicy& policy, ReportFacts facts,
                                              std::ostream& out);

// A path as an artifactLocation's uri (3.4.3, RFC 3986): relative as it was given, or file://.
std::string sarif_uri(const std::string& path);

}  // namespace veilwire::ctl
