// One rule made ready for streams: what announces it, what could become it, what it is, and which
// matches count. Tested through engine.h; internal to userspace/masking.
#pragma once

#include "userspace/masking/automaton.h"
#include "userspace/masking/engine.h"
#include "userspace/masking/matcher.h"
#include "userspace/masking/rule_pack.h"
#include "userspace/masking/shape.h"
#include "userspace/masking/validators.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::masking {

// An expression with everything that is asked of it.
struct CompiledExpression {
  std::unique_ptr<Automaton> automaton;
  std::optional<Matcher> matcher;
  std::uint32_t group = 0;
  std::uint32_t captures = 0;
  std::uint64_t max_length = 0;
  std::vector<Literal> literals;  // empty: looked for at every byte
  bool leads_with_secret = false;
  std::uint32_t before_min = 0, before_max = 0;
  std::string before;                      // as in Shape
  std::optional<std::uint32_t> secret_at;  // as in Shape
  // All starts before a position p are known once p + reach bytes have been read.
  std::uint32_t reach = 0;
};

struct CompiledRule {
  Rule rule;
  Treatment treatment = Treatment::Mask;
  CompiledExpression what;  // or a begin/end rule's begin
  CompiledExpression end;
  bool region = false;  // a begin/end rule
  std::vector<Matcher> allow, allow_match;
  std::vector<std::vector<Matcher>> allow_both;  // expressions of rule.allow_both, one each
  Validator validator = nullptr;

  // Everything that is asked of a match beyond the expression.
  bool accepts(std::string_view match, std::string_view secret) const;
};

Result<CompiledExpression, std::string> compile_expression(const std::string& pattern,
                                                           std::uint32_t group,
                                                           std::uint32_t max_length);
Result<CompiledRule, EngineError> compile_rule(const Rule& rule, Treatment treatment);

}  // namespace veilwire::masking
