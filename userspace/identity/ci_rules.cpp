#include "userspace/identity/ci_rules.h"

#include "userspace/base/limits.h"
#include "userspace/identity/claim_glob.h"
#include "userspace/identity/printable.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace veilwire::identity {
namespace {

using Kind = ClaimCondition::Kind;

// The claim as rules compare it. nullopt: an object, an array, or a number with a fraction.
std::optional<std::string> text_of(const JsonValue& value) {
  switch (value.kind) {
    case JsonValue::Kind::String:
      return value.text;
    case JsonValue::Kind::Integer:
      return std::to_string(value.integer);
    case JsonValue::Kind::Boolean:
      return value.boolean ? "true" : "false";
    default:
      return std::nullopt;
  }
}

std::string joined(const std::vector<std::string>& path) {
  std::string out;
  for (const std::string& name : path) out.append(out.empty() ? "" : ".").append(name);
  return out;
}

bool holds(const ClaimCondition& condition, const std::string& text) {
  const auto& values = condition.values;
  switch (condition.kind) {
    case Kind::OneOf:
      return std::find(values.begin(), values.end(), text) != values.end();
    case Kind::Glob:
      return std::any_of(values.begin(), values.end(),
                         [&](const std::string& pattern) { return glob_matches(pattern, text); });
    case Kind::IsTrue:
      return text == "true";
  }
  return false;
}

struct Failure {
  CiMiss miss{};
  std::string why;
};

// What a token claims goes into a message for operators as far as a terminal can take it.
std::string shown(const std::string& text) {
  if (!printable(text)) return "not printable";
  constexpr std::size_t kMost = 200;
  return text.size() <= kMost ? '"' + text + '"' : '"' + text.substr(0, kMost) + "\"...";
}

std::optional<Failure> failure(const ClaimCondition& condition, const JsonValue& claims) {
  const JsonValue* const value = claims.find(condition.claim);
  if (value == nullptr || value->kind == JsonValue::Kind::Null)
    return Failure{CiMiss::ClaimMissing, "claim " + joined(condition.claim) + " is missing"};
  const auto text = text_of(*value);
  if (!text)
    return Failure{CiMiss::ClaimMalformed, "claim " + joined(condition.claim) + " is no text"};
  if (holds(condition, *text)) return std::nullopt;
  return Failure{CiMiss::NoMatch, "claim " + joined(condition.claim) + " is " + shown(*text)};
}

// Calls literal(text) and claim(name) for the parts of a display. false: braces that do not fit.
template <class Literal, class Claim>
bool each_part(std::string_view display, Literal literal, Claim claim) {
  while (!display.empty()) {
    const std::size_t open = display.find_first_of("{}");
    literal(display.substr(0, open));
    if (open == std::string_view::npos) return true;
    if (display[open] == '}') return false;
    const std::size_t close = display.find_first_of("{}", open + 1);
    if (close == std::string_view::npos || display[close] == '{' || close == open + 1) return false;
    claim(display.substr(open + 1, close - open - 1));
    display.remove_prefix(close + 1);
  }
  return true;
}

// Branches are named by people who may want to forge a line, so that a claim that is not printable
// is not shown. A cut falls before a character, never into one.
std::string display_of(const CiRule& rule, const JsonValue& claims) {
  std::string out;
  each_part(
      rule.display, [&](std::string_view text) { out += text; },
      [&](std::string_view name) {
        const JsonValue* const value = claims.find(name);
        const auto text = value != nullptr ? text_of(*value) : std::nullopt;
        out += text && printable(*text) ? *text : "-";
      });
  if (out.size() <= limits::kTokenText) return out;
  std::size_t end = limits::kTokenText;
  while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xc0U) == 0x80U) --end;
  out.resize(end);
  return out;
}

std::optional<CiRuleFault> fault_of(const ClaimCondition& condition) {
  const auto empty = [](const std::string& text) { return text.empty(); };
  const auto& names = condition.claim;
  if (names.empty() || std::any_of(names.begin(), names.end(), empty)) return CiRuleFault::NoClaim;
  const auto& values = condition.values;
  if (condition.kind == Kind::IsTrue)
    return values.empty() ? std::nullopt : std::optional(CiRuleFault::NoValue);
  if (values.empty() || std::any_of(values.begin(), values.end(), empty))
    return CiRuleFault::NoValue;
  if (condition.kind == Kind::Glob)
    for (const std::string& pattern : values)
      if (check_glob(pattern) != GlobFault::None) return CiRuleFault::BadPattern;
  return std::nullopt;
}

std::optional<CiRuleFault> fault_of(const CiRule& rule) {
  if (!printable(rule.name)) return CiRuleFault::NoName;
  if (rule.issuer.empty()) return CiRuleFault::NoIssuer;
  if (rule.audience.empty()) return CiRuleFault::NoAudience;
  if (std::all_of(rule.conditions.begin(), rule.conditions.end(),
                  [](const ClaimCondition& c) { return c.kind == Kind::IsTrue; }))
    return CiRuleFault::NothingRequired;
  for (const std::string& group : rule.groups)
    if (!printable(group) || group.size() > limits::kTokenText) return CiRuleFault::BadGroup;
  const auto nothing = [](std::string_view) {};
  if (!printable(rule.display) || !each_part(rule.display, nothing, nothing))
    return CiRuleFault::BadDisplay;
  return std::nullopt;
}

}  // namespace

std::string_view to_string(CiRuleFault fault) {
  switch (fault) {
    case CiRuleFault::NoName:
      return "the rule has no name that can be printed";
    case CiRuleFault::NoIssuer:
      return "the rule names no issuer";
    case CiRuleFault::NoAudience:
      return "the rule names no audience";
    case CiRuleFault::NothingRequired:
      return "the rule has no condition that tells whose jobs it is about";
    case CiRuleFault::NoClaim:
      return "the condition names no claim";
    case CiRuleFault::NoValue:
      return "the condition has no value, an empty one, or one where there is none to have";
    case CiRuleFault::BadPattern:
      return "the condition has a pattern that is none";
    case CiRuleFault::BadGroup:
      return "a group of the rule cannot be printed or is too long";
    case CiRuleFault::BadDisplay:
      return "the rule's display is empty, cannot be printed, or has braces that do not fit";
  }
  return "unknown";
}

Result<void, CiRuleError> check_ci_rules(const std::vector<CiRule>& rules) {
  for (std::size_t r = 0; r < rules.size(); ++r) {
    for (std::size_t c = 0; c < rules[r].conditions.size(); ++c)
      if (const auto fault = fault_of(rules[r].conditions[c]))
        return Unexpected{CiRuleError{*fault, r, c}};
    if (const auto fault = fault_of(rules[r])) return Unexpected{CiRuleError{*fault, r, 0}};
  }
  return {};
}

Result<CiIdentity, CiRefusal> judge_job(const VerifiedToken& token,
                                        const std::vector<CiRule>& rules) {
  CiRefusal refusal{CiMiss::NoRule, {}, {}, {}};
  std::size_t most_held = 0;
  const auto tell = [&](std::string_view rule, std::string_view why) {
    if (!refusal.message.empty()) refusal.message += "; ";
    refusal.message.append("rule ").append(rule).append(": ").append(why);
  };
  for (const CiRule& rule : rules) {
    if (rule.issuer != token.issuer) continue;
    if (std::find(token.audience.begin(), token.audience.end(), rule.audience) ==
        token.audience.end()) {
      if (refusal.rule.empty()) refusal.miss = CiMiss::WrongAudience;
      tell(rule.name, "the token is not for " + shown(rule.audience));
      continue;
    }
    std::optional<Failure> failed;
    std::size_t held = 0;
    for (; held < rule.conditions.size(); ++held)
      if ((failed = failure(rule.conditions[held], token.claims))) break;
    if (!failed) {
      CiIdentity identity{rule.name, display_of(rule, token.claims), rule.groups};
      std::sort(identity.groups.begin(), identity.groups.end());
      identity.groups.erase(std::unique(identity.groups.begin(), identity.groups.end()),
                            identity.groups.end());
      return identity;
    }
    tell(rule.name, failed->why);
    if (refusal.rule.empty() || held > most_held) {
      most_held = held;
      refusal.miss = failed->miss;
      refusal.rule = rule.name;
      refusal.claim = joined(rule.conditions[held].claim);
    }
  }
  if (refusal.message.empty())
    refusal.message = "there is no rule for jobs of " + shown(token.issuer);
  return Unexpected{std::move(refusal)};
}

}  // namespace veilwire::identity
