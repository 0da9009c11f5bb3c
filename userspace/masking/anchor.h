// One literal of one rule, and what can be told from the bytes around it before an automaton is
// asked: most literals that stand in a text announce nothing. Internal to userspace/masking; tested
// by tests/unit/masking/anchor_test.cpp.
#pragma once

#include "userspace/masking/candidates.h"
#include "userspace/masking/compiled_rule.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace veilwire::masking {

// What the byte before a literal tells: can what the rule wants before it stand there?
enum class Fit : std::uint8_t { No, Yes, Unsure };

// By that byte; the last is for a literal that begins the text.
using Edge = std::array<Fit, 257>;
inline constexpr std::size_t kNoByte = 256;

struct Anchor {
  std::uint32_t rule = 0;
  std::uint32_t edge = 0;  // which of the engine's
  Literal literal;
  bool folds = false;             // all its letters do: what the scanner finds is the literal
  std::array<ByteSet, 4> behind;  // what can stand in each of the bytes behind it
};

Edge edge_of(const CompiledExpression& what, const Literal& literal);
Anchor anchor_of(const CompiledExpression& what, const Literal& literal);

// Whether the text has the first `length` bytes of the literal at `position`.
bool stands_at(const Literal& literal, const Window& window, std::uint64_t position,
               std::size_t length);

// Whether the bytes behind the literal, as far as they are there, may stand there.
inline bool goes_on(const Anchor& anchor, const Window& window, std::uint64_t literal_end) {
  for (std::size_t i = 0; i < anchor.behind.size() && literal_end + i < window.end(); ++i) {
    if (!anchor.behind[i][window.at(literal_end + i)]) return false;
  }
  return true;
}

inline Fit fit(const Edge& edge, const Window& window, std::uint64_t literal) {
  return edge[literal == 0 ? kNoByte : window.at(literal - 1)];
}

}  // namespace veilwire::masking
