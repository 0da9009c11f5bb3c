// Do the runtimes on this host trust what the proxy shows? Each was shown a certificate that the
// signer made for a host of the policy, and said itself whether it takes it. Tested by
// tests/unit/doctor/trust_check_test.cpp.
#pragma once

#include "agent/doctor/finding.h"

#include <string>
#include <vector>

namespace veilwire::doctor {

enum class Trust : std::uint8_t { Accepts, Refuses, NotAsked };

struct RuntimeTrial {
  std::string runtime;  // "openssl", "python", "node", "java"
  std::string program;  // path; "": not installed
  Trust trust = Trust::NotAsked;
  std::string said;  // why it refuses, or why it was not asked
};
struct TrustFacts {
  std::string certificate;  // path of the internal CA's
  // The bundle that clients with roots of their own read beside them (Claude Code, Go, curl).
  std::string bundle;      // path; "": none of those that distributions have
  bool in_bundle = false;  // the internal CA, or the root that it leads to, is in it
  std::vector<RuntimeTrial> runtimes;
};

Findings check_trust(const TrustFacts& facts);

}  // namespace veilwire::doctor
