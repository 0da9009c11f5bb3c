// Which jobs of build systems may speak, and in which groups: rules over the claims of the ID token
// that the build system gave to the job. The first rule that holds counts; a job for which none
// does is refused, with the first condition of each rule that failed.
//
// GitLab (id_tokens), GitHub Actions, Buildkite and Jenkins (its OpenID Connect Provider plugin)
// each have claims of their own, which tests/unit/identity/ci_rules_test.cpp shows as their
// documentation does. What a rule has to know of them: at GitHub and Buildkite everybody has the
// same issuer, so that a rule without the owner lets the whole world in; GitLab writes
// ref_protected as a text; numbers may be texts or numbers; a claim may be null. `sub` is put
// together differently by settings of each project, so that rules are better made of the claims
// that it is put together of.
#pragma once

#include "userspace/base/result.h"
#include "userspace/identity/claims.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::identity {

struct ClaimCondition {
  enum class Kind : std::uint8_t {
    OneOf,   // exactly one of the values; an integer is compared as it is written in decimal
    Glob,    // matches one of the values as patterns (claim_glob.h)
    IsTrue,  // true, or the text "true"
  };
  std::vector<std::string> claim;  // a name, or several that lead to it
  Kind kind = Kind::OneOf;
  std::vector<std::string> values = {};
};

struct CiRule {
  std::string name;      // for messages and records
  std::string issuer;    // compared byte by byte
  std::string audience;  // one of `aud`
  std::vector<ClaimCondition> conditions;
  std::vector<std::string> groups;
  // How the job is shown: text with claims in braces, such as "{project_path} at {ref}". Claims
  // that are not there are shown as "-".
  std::string display = "{sub}";
};

// Why a rule is none.
enum class CiRuleFault : std::uint8_t {
  NoName,  // or control characters in it
  NoIssuer,
  NoAudience,       // a token for others could be handed on to us
  NothingRequired,  // no condition but IsTrue: strangers can have protected refs too
  NoClaim,          // a condition without the name of a claim
  NoValue,          // or an empty one
  BadPattern,       // check_glob() says why
  BadGroup,         // not printable
  BadDisplay,       // braces that do not close, or nothing in them
};
std::string_view to_string(CiRuleFault fault);  // a clause for a person

struct CiRuleError {
  CiRuleFault fault{};
  std::size_t rule = 0;       // index
  std::size_t condition = 0;  // index, where it is about one
};

// nothing: every rule is one. Rules are asked only once this has been so.
Result<void, CiRuleError> check_ci_rules(const std::vector<CiRule>& rules);

struct CiIdentity {
  std::string rule;
  std::string display;  // printable, at most limits::kTokenText
  std::vector<std::string> groups;
};

// Why a job is refused.
enum class CiMiss : std::uint8_t {
  NoRule,          // no rule at all for this issuer
  WrongAudience,   // rules for the issuer, and none for this audience
  ClaimMissing,    // or null
  ClaimMalformed,  // neither text nor integer nor boolean
  NoMatch,         // it has another value
};
struct CiRefusal {
  CiMiss miss{};
  std::string rule;     // the one that came closest: the most conditions held; of equals the first
  std::string claim;    // the first of its conditions that failed: names with dots between
  std::string message;  // the first failure of each rule, for operators
};

// The token has been verified, as TokenKind::Id with the issuer and audience of a rule.
Result<CiIdentity, CiRefusal> judge_job(const VerifiedToken& token,
                                        const std::vector<CiRule>& rules);

}  // namespace veilwire::identity
