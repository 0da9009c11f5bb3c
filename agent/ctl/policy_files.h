// A policy with everything it names, as files: read, checked and compiled, with every complaint at
// its line. Tested by tests/unit/ctl/policy_files_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/masking/engine.h"
#include "userspace/masking/rule_pack.h"
#include "userspace/policy/policy.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::ctl {

// Where something is wrong in a file and what, as a compiler would say it.
using Problems = std::vector<policy::PolicyError>;

struct PolicyFiles {
  policy::Policy policy;
  std::vector<masking::RulePack> packs;  // named by their paths
  std::shared_ptr<const masking::Engine>
      engine;  // with every rule masking, whatever the policy says
};

Result<PolicyFiles, Problems> load_policy_files(const std::string& path);

// The whole file; an error without a line when it cannot be read or is larger than any file a
// person writes.
Result<std::string, policy::PolicyError> read_text_file(const std::string& path);

// `path`, which stands in `file`, relative to the file's own folder.
std::string beside(const std::string& file, const std::string& path);

// The line on which a rule's id stands in the text of its pack; 0: not found.
std::uint32_t line_of_rule(std::string_view text, std::string_view id);

// "FILE:LINE:COLUMN: error: MESSAGE", the line itself and a caret below the column, for each. Files
// are read again.
std::string with_source_lines(const Problems& problems);

}  // namespace veilwire::ctl
