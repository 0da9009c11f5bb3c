// What a stream needs to know of an expression before it meets a text: where the secret begins in
// it, how long a match can become, and the literals that announce one. Tested by
// tests/unit/masking/shape_test.cpp.
#pragma once

#include "userspace/masking/expression.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace veilwire::masking {

// A literal that every match of an alternative begins with; bytes of which `folds` is set match
// both cases and are kept in lower case.
struct Literal {
  std::string bytes;
  std::vector<bool> folds;
  friend bool operator==(const Literal&, const Literal&) = default;
};

struct Shape {
  std::string pattern;              // the expression without the context that may be empty
  std::vector<Expression> context;  // before the part that holds the secret
  std::vector<Expression> rest;     // from the part that holds the secret on
  bool leads_with_secret =
      false;  // the announcing literal may itself be secret: hold its beginnings
  std::optional<std::uint64_t> max;  // longest match; nullopt: no bound
  std::uint64_t min = 0;
  // Every match has one of these at `before` bytes behind its start. Empty: nothing announces it.
  std::vector<Literal> literals;
  std::uint32_t before_min = 0, before_max = 0;
  std::size_t skipped = 0;  // parts of the context before the literals
  std::string before;       // these parts, spelled: equal for equal ones
  // leads_with_secret: behind so many bytes of each literal the secret begins, where that is known.
  std::optional<std::uint32_t> secret_at;
  std::uint32_t captures = 0;
};

// secret_group: the capture that is the secret; 0: the first capture that takes part, or all where
// there is none.
//
// A context in front that may be empty is dropped: a match that uses it is a match without it too,
// and its secret is the same. That turns `[\w.-]{0,50}?key=...`, which begins at every word, into
// one that begins at its keyword.
Shape shape_of(std::string_view pattern, Expression expression, std::uint32_t secret_group);

std::uint64_t min_length(const Expression& e);
std::optional<std::uint64_t> max_length(const Expression& e);

}  // namespace veilwire::masking
