// A policy with everything it names, as files: read, checked and compiled, with every complaint at
// its line. Tested by tests/unit/ctl/policy_files_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/secret.h"
#include "userspace/masking/engine.h"
#include "userspace/masking/rule_pack.h"
#include "userspace/policy/policy.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::ctl {

// Where something is wrong in a file and what, as a compiler would say it.
using Problems = std::vector<policy::PolicyError>;

struct PolicyFiles {
  policy::Policy policy;
  std::vector<masking::RulePack> packs;   // named by their paths
  std::vector<std::string> certificates;  // of auditors: paths
  std::shared_ptr<const masking::Engine> engine;
};

// What the engine does with a rule, and the key of its digests.
struct EngineWish {
  std::function<masking::Treatment(const policy::Policy&, const masking::Rule&)> treatment;
  Secret key;
};
// Every rule masks, whatever the policy says, and the key is nobody's: enough to try rules.
EngineWish trial_wish();

Result<PolicyFiles, Problems> load_policy_files(const std::string& path,
                                                const EngineWish& wish = trial_wish());

// The same of a text that is to stand at `path`: what it names is looked for from there.
Result<PolicyFiles, Problems> load_policy_text(std::string_view text, const std::string& path,
                                               const EngineWish& wish = trial_wish());

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
