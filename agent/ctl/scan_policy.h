// What `veilwire scan` masks by: a policy's rules as it decides about one direction, and the key of
// the digests in the masks. Tested by tests/unit/ctl/scan_policy_test.cpp.
#pragma once

#include "agent/ctl/policy_files.h"
#include "userspace/base/result.h"
#include "userspace/base/secret.h"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::ctl {

struct ScanKey {
  Secret key;
  // Empty: a key that lasts, so that the same secret has the same mask tomorrow. Otherwise the key
  // is of this run alone, and this says why.
  std::string why_new;
};

// The key in a file that was named, or the agent's, or a new one where this user cannot read the
// agent's. The error is one line: a key that was named is needed, and a key that is too short is
// worse than none.
Result<ScanKey, std::string> scan_key(const std::string& named, const std::string& agents);

// [proxy] site_key of the agent's configuration; the default where there is no configuration and
// none was named. Throws host::ConfigError.
std::string configured_site_key(const std::string& config, bool config_given);

struct ScanRule {
  std::string id, category, description;
  policy::Action action = policy::Action::Mask;  // what the policy does about it
};

struct ScanPolicy {
  std::string source;
  std::string digest;  // SHA-256 of the policy file, hex
  std::vector<ScanRule> rules;
  std::map<std::string, std::size_t, std::less<>> index;  // of a rule's id, in rules
  std::shared_ptr<const masking::Engine> engine;
};

// As the policy decides about somebody who is not known and a host without a name: actions for a
// group or a host do not hold. What it lets pass is no finding, unless `all` is set.
Result<ScanPolicy, Problems> load_scan_policy(const std::string& path, policy::Direction direction,
                                              bool all, Secret key);

}  // namespace veilwire::ctl
