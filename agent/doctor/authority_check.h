// The internal CA's certificate: is it there, for how long, for which hosts, and is it the one that
// is in force? Tested by tests/unit/doctor/authority_check_test.cpp.
#pragma once

#include "agent/doctor/finding.h"
#include "userspace/base/time.h"

#include <optional>
#include <string>
#include <vector>

namespace veilwire::doctor {

struct AuthorityFacts {
  std::string path;
  std::optional<std::string> pem;  // nullopt: cannot be read
  std::string problem;             // why not
  WallTime now;
  std::string in_force;            // SHA-256 of the signer's, hex; "": it does not say
  std::vector<std::string> hosts;  // of the policy
};

Findings check_authority(const AuthorityFacts& facts);

}  // namespace veilwire::doctor
