#include "userspace/masking/compiled_rule.h"

#include "userspace/base/ascii.h"
#include "userspace/base/limits.h"
#include "userspace/masking/start_scanner.h"

#include <algorithm>
#include <string>
#include <utility>

namespace veilwire::masking {
namespace {

// `word` is in lower case.
bool contains_folded(std::string_view text, std::string_view word) {
  return std::search(text.begin(), text.end(), word.begin(), word.end(),
                     [](char a, char b) { return to_lower(a) == b; }) != text.end();
}

bool contains_one(std::string_view text, const std::vector<std::string>& words) {
  return std::any_of(words.begin(), words.end(),
                     [&](const std::string& w) { return contains_folded(text, w); });
}

Result<std::vector<Matcher>, std::string> compile_all(const std::vector<std::string>& patterns) {
  std::vector<Matcher> out;
  for (const std::string& pattern : patterns) {
    auto matcher = Matcher::compile(pattern);
    if (!matcher) return Unexpected{"allow '" + pattern + "': " + matcher.error()};
    out.push_back(std::move(*matcher));
  }
  return out;
}

}  // namespace

bool CompiledRule::accepts(std::string_view match, std::string_view secret) const {
  if (!rule.keywords.empty() && !contains_one(match, rule.keywords)) return false;
  if (rule.entropy > 0 && entropy(secret) <= rule.entropy) return false;
  if (contains_one(secret, rule.stopwords)) return false;
  const auto found = [](const std::vector<Matcher>& list, std::string_view text) {
    return std::any_of(list.begin(), list.end(),
                       [&](const Matcher& m) { return m.found_in(text); });
  };
  if (found(allow, secret) || found(allow_match, match)) return false;
  for (std::size_t i = 0; i < allow_both.size(); ++i) {
    const AllowBoth& both = rule.allow_both[i];
    if (contains_one(secret, both.stopwords) &&
        found(allow_both[i], both.of_match ? match : secret))
      return false;
  }
  return validator == nullptr || validator(secret);
}

Result<CompiledExpression, std::string> compile_expression(const std::string& pattern,
                                                           std::uint32_t group,
                                                           std::uint32_t max_length) {
  // RE2 judges first: its bounds on size and nesting hold for all that follows.
  if (auto whole = Matcher::compile(pattern); !whole) return Unexpected{whole.error()};
  auto parsed = parse_expression(pattern);
  if (!parsed) {
    return Unexpected{"at " + std::to_string(parsed.error().offset + 1) + ": " +
                      parsed.error().message};
  }
  Shape shape = shape_of(pattern, std::move(*parsed), group);
  if (group > shape.captures)
    return Unexpected{std::string("secretGroup names a capture that is not there")};
  if (shape.min == 0) return Unexpected{std::string("matches the empty text")};
  const std::uint64_t bound = limits::kHeldText;
  if (max_length == 0 && !shape.max) {
    return Unexpected{std::string(
        "has no greatest length: bound its repetitions ({1,200} for +), give the rule a "
        "max_length, or make it a begin/end rule")};
  }
  const std::uint64_t longest =
      max_length != 0 ? std::min<std::uint64_t>(max_length, shape.max.value_or(max_length))
                      : *shape.max;
  if (longest > bound) {
    return Unexpected{
        "can be " + std::to_string(longest) + " bytes long, and at most " + std::to_string(bound) +
        " are held: lower its counts, give it a max_length, or make it a begin/end rule"};
  }
  CompiledExpression out;
  auto automaton =
      Automaton::build(shape.context, shape.rest,
                       shape.captures != 0 ? std::optional(group) : std::nullopt, shape.skipped);
  if (!automaton) return Unexpected{automaton.error()};
  auto matcher = Matcher::compile(shape.pattern);
  if (!matcher) return Unexpected{matcher.error()};
  out.automaton = std::move(*automaton);
  out.matcher = std::move(*matcher);
  out.group = group;
  out.captures = shape.captures;
  out.max_length = longest;
  out.leads_with_secret = shape.leads_with_secret;
  out.before_min = shape.before_min;
  out.before_max = shape.before_max;
  out.before = std::move(shape.before);
  out.secret_at = shape.secret_at;
  out.literals = std::move(shape.literals);
  if (out.literals.empty()) out.reach = StartScanner::kDepth;
  for (const Literal& l : out.literals) {
    out.reach = std::max(out.reach, static_cast<std::uint32_t>(l.bytes.size()) + out.before_max);
  }
  return out;
}

Result<CompiledRule, EngineError> compile_rule(const Rule& rule, Treatment treatment) {
  CompiledRule out;
  out.rule = rule;
  out.treatment = treatment;
  out.region = !rule.begin.empty();
  const auto refuse = [&](std::string message) {
    return Unexpected{EngineError{rule.id, std::move(message)}};
  };
  auto what =
      compile_expression(out.region ? rule.begin : rule.regex, rule.secret_group, rule.max_length);
  if (!what) return refuse((out.region ? "begin: " : "regex: ") + what.error());
  out.what = std::move(*what);
  if (out.region) {
    auto end = compile_expression(rule.end, 0, rule.max_length);
    if (!end) return refuse("end: " + end.error());
    if (end->captures > 1) return refuse("end: has more than one capture");
    if (out.what.captures > 0) return refuse("begin: has a capture; all of it is masked");
    out.end = std::move(*end);
  }
  auto allow = compile_all(rule.allow);
  if (!allow) return refuse(allow.error());
  out.allow = std::move(*allow);
  auto allow_match = compile_all(rule.allow_match);
  if (!allow_match) return refuse(allow_match.error());
  out.allow_match = std::move(*allow_match);
  for (const AllowBoth& both : rule.allow_both) {
    auto regexes = compile_all(both.regexes);
    if (!regexes) return refuse(regexes.error());
    out.allow_both.push_back(std::move(*regexes));
  }
  if (!rule.validator.empty()) {
    out.validator = find_validator(rule.validator);
    if (out.validator == nullptr) return refuse("unknown validator '" + rule.validator + "'");
  }
  return out;
}

}  // namespace veilwire::masking
