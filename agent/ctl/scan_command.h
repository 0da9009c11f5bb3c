// `veilwire scan`: masks texts as the agent would, or says where something would be masked. Tested
// by tests/unit/ctl/scan_command_test.cpp.
#pragma once

#include "agent/ctl/scan_report.h"
#include "userspace/policy/policy.h"

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace veilwire::ctl {

struct ScanOptions {
  std::vector<std::string> files;  // "-": standard input; none: the same
  std::string policy;
  std::string key, agents_key;         // files; see scan_key()
  std::optional<ReportFormat> report;  // none: the masked text
  policy::Direction direction = policy::Direction::Response;
  bool all = false;        // findings that the policy lets pass, too
  bool jsonl = false;      // each line an object with "id" and "text"
  bool diff = false;       // unified diffs: what they add, as findings
  bool recursive = false;  // files in folders
  bool text = false;       // binary files, too
  bool exit_zero = false;  // whatever is found
  std::string chunks;      // empty: as it is read
};

// Exit codes: 0 nothing found, 1 something found, 2 something could not be done (which is said on
// `err`, whatever was found).
int scan(const ScanOptions& options, std::ostream& out, std::ostream& err);

}  // namespace veilwire::ctl
