// A rule pack as a person writes it (TOML), parsed and checked but not compiled. A gitleaks file is
// a pack too.
#pragma once

#include "userspace/base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::masking {

struct PackError {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string message;
};

struct Rule {
  std::string id;  // [a-z0-9-]+
  std::string description;
  std::string category;  // "secret" unless the rule says otherwise
  std::string regex;     // RE2 syntax over bytes; empty for a begin/end rule
  std::uint32_t secret_group = 0;
  std::vector<std::string>
      keywords;             // lower case; a match contains one of them, without regard to case
  std::string begin, end;   // begin/end rule: both set
  std::string validator;    // luhn, jwt, ... ; empty: none
  double entropy = 0;       // bits a character, of the secret group; 0: not asked
  std::string replacement;  // empty: [MASKED:<id>:<4 hex of the digest>]
  std::vector<std::string>
      allow;  // expressions: a secret that one of them matches is not a finding
  std::vector<std::string> positive,
      negative;        // the rule's own examples, run by `veilwire policy test`
  std::string source;  // where the format is documented
};

struct RulePack {
  std::string name;
  std::vector<Rule> rules;
};

Result<RulePack, PackError> parse_rule_pack(std::string_view toml, std::string_view name);

}  // namespace veilwire::masking
