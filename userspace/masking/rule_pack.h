// A rule pack as a person writes it (TOML), parsed and checked but not compiled. A gitleaks file is
// a pack too.
// Tested by tests/unit/masking/rule_pack_test.cpp.
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

// An allowlist of which an expression and a stopword must both agree.
struct AllowBoth {
  std::vector<std::string> regexes;
  bool of_match = false;  // the expressions see the match, context included; else the secret
  std::vector<std::string> stopwords;  // lower case, within the secret
};

struct Rule {
  std::string id;  // [a-z0-9-]+
  std::string description;
  std::string category;  // "secret" unless the rule says otherwise
  std::string regex;     // RE2 syntax over bytes; empty for a begin/end rule
  std::uint32_t secret_group =
      0;  // 0: the first capture that takes part; the whole match where there is none
  std::vector<std::string>
      keywords;  // lower case; a match contains one of them, without regard to case (in gitleaks
                 // the file does: a stream does not know what comes)
  std::uint32_t max_length =
      0;  // bytes of the longest match; needed where regex itself has no bound
  std::string begin,
      end;  // begin/end rule: both set. All from begin to end is the finding; where `end` has a
            // capture that takes no part, the finding ends before the match
  std::string validator;    // luhn, jwt, ... ; empty: none
  double entropy = 0;       // bits a character that the secret must exceed; 0: not asked
  std::string replacement;  // empty: [MASKED:<id>:<4 hex of the digest>]
  // Expressions: a secret in which one of `allow` is found is no finding, nor is a match (context
  // included) in which one of `allow_match` is found.
  std::vector<std::string> allow, allow_match;
  std::vector<std::string> stopwords;  // lower case: a secret that contains one is no finding
  std::vector<AllowBoth> allow_both;
  std::vector<std::string> positive,
      negative;        // the rule's own examples, run by `veilwire policy test`
  std::string source;  // where the format is documented
};

struct RulePack {
  std::string name;
  std::vector<Rule> rules;
  // Written for another program: `foreign = true`, or told by gitleaks' own keys (minVersion, a
  // global allowlist). A rule of it that cannot be compiled is left out and reported by left_out().
  bool foreign = false;
};

// `widen_boundaries = true` in the pack: each regex is what widen_boundary() makes of it.
Result<RulePack, PackError> parse_rule_pack(std::string_view toml, std::string_view name);

}  // namespace veilwire::masking
