// `veilwire policy check`, `show` and `test`. Each prints what it found and returns the exit code:
// 0, or 1 when something is wrong with the policy. Tested by
// tests/unit/ctl/policy_commands_test.cpp.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace veilwire::ctl {

// Reads the policy and its rule packs, compiles every rule. Errors go to `err` in the form of a
// compiler's.
int policy_check(const std::string& file, std::ostream& out, std::ostream& err);

// The policy as it works out: hosts, rules, what is done about each, with defaults filled in.
int policy_show(const std::string& file, bool json, std::ostream& out, std::ostream& err);

struct PolicyTestOptions {
  std::string file;
  std::vector<std::string>
      cases;  // empty: *.toml in the folder "cases" beside the policy that name this policy
  bool json = false;
};
// Every rule of the policy's packs on its own examples, whole and cut into pieces; every decision
// case.
int policy_test(const PolicyTestOptions& options, std::ostream& out, std::ostream& err);

}  // namespace veilwire::ctl
