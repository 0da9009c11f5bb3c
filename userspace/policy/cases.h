// Decisions as data: a file of facts and what the policy must answer, so that an operator can state
// what a policy is for and see it hold before the policy is active. Run by `veilwire policy test`
// and by tests/unit/policy/cases_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/policy/policy.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::policy {

// [[decide]]: what is done about a finding.
struct DecideCase {
  std::string name;
  std::string host;
  Direction direction = Direction::Response;
  std::string rule, category;
  std::optional<std::vector<std::string>> groups;  // absent: the person is not known
  Action expect = Action::Mask;
  std::uint32_t line = 0;
};

// [[intercept]]: whether a connection to a name is read, and as what.
struct InterceptCase {
  std::string name;
  std::string server_name;
  std::optional<Service> expect;  // absent, "pass" in the file: not intercepted
  std::uint32_t line = 0;
};

// [[uninspected]]: what happens to what cannot be read.
struct UninspectedCase {
  std::string name;
  Uninspected what = Uninspected::UnknownCoding;
  Action expect = Action::Block;
  std::uint32_t line = 0;
};

// [[stale]]: whether somebody passes whom the identity provider has not confirmed for so long.
struct StaleCase {
  std::string name;
  std::string host;
  std::vector<std::string> groups;
  std::chrono::minutes age{0};
  Action expect = Action::Block;
  std::uint32_t line = 0;
};

struct Cases {
  std::string file;
  std::string policy;  // path of the policy that they are about, relative to the file's own folder
  std::vector<DecideCase> decide;
  std::vector<InterceptCase> intercept;
  std::vector<UninspectedCase> uninspected;
  std::vector<StaleCase> stale;
  std::size_t size() const {
    return decide.size() + intercept.size() + uninspected.size() + stale.size();
  }
};

Result<Cases, std::vector<PolicyError>> parse_cases(std::string_view toml, std::string_view file);

// One for each case that does not hold: where it stands, what was expected and what the policy
// answers.
std::vector<PolicyError> run(const Policy& policy, const Cases& cases);

}  // namespace veilwire::policy
