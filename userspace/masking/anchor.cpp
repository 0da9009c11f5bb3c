#include "userspace/masking/anchor.h"

#include "userspace/base/ascii.h"

#include <algorithm>
#include <initializer_list>
#include <span>
#include <vector>

namespace veilwire::masking {
namespace {

using Before = Automaton::Before;

constexpr std::array<Before, 4> kAllBefore = {Before::Other, Before::Word, Before::Newline,
                                              Before::Text};

bool is_letter(char c) { return to_lower(c) >= 'a' && to_lower(c) <= 'z'; }

// Whether a match may begin with these bytes behind `before`.
bool begins(const Automaton& automaton, Before before, std::initializer_list<unsigned char> bytes) {
  const Automaton::State* state = automaton.start(before);
  for (const unsigned char byte : bytes) {
    state = automaton.step(state, byte);
    if (state->flags & Automaton::kMatch) return true;
  }
  return (state->flags & Automaton::kDead) == 0;
}

}  // namespace

Edge edge_of(const CompiledExpression& what, const Literal& literal) {
  const Automaton& automaton = *what.automaton;
  const auto first = static_cast<unsigned char>(literal.bytes[0]);
  const auto reaches = [&](std::uint32_t before) {
    return what.before_min <= before && before <= what.before_max;
  };
  const std::span<const unsigned char> bytes = automaton.representatives();
  std::array<Fit, 256> of_class{};
  Edge edge{};
  const auto judge = [&](std::size_t b) {
    const auto byte = static_cast<unsigned char>(b);
    if (reaches(0) &&
        begins(automaton, b == kNoByte ? Before::Text : Automaton::before(byte), {first}))
      return Fit::Yes;
    if (b == kNoByte) return Fit::No;
    bool some = what.before_max > 2, all = false;
    if (reaches(1)) {
      const auto with = [&](Before before) { return begins(automaton, before, {byte, first}); };
      all = std::all_of(kAllBefore.begin(), kAllBefore.end(), with);
      some = some || std::any_of(kAllBefore.begin(), kAllBefore.end(), with);
    }
    if (all) return Fit::Yes;
    for (std::size_t i = 0; i < bytes.size() && reaches(2) && !some; ++i) {
      some = std::any_of(kAllBefore.begin(), kAllBefore.end(), [&](Before before) {
        return begins(automaton, before, {bytes[i], byte, first});
      });
    }
    return some ? Fit::Unsure : Fit::No;
  };
  for (const unsigned char byte : bytes) of_class[automaton.byte_class(byte)] = judge(byte);
  for (std::size_t b = 0; b < 256; ++b)
    edge[b] = of_class[automaton.byte_class(static_cast<unsigned char>(b))];
  edge[kNoByte] = judge(kNoByte);
  return edge;
}

Anchor anchor_of(const CompiledExpression& what, const Literal& literal) {
  Anchor out;
  out.literal = literal;
  std::vector<ByteSet> sets(literal.bytes.size());
  out.folds = true;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    const auto byte = static_cast<unsigned char>(literal.bytes[i]);
    sets[i].set(byte);
    if (literal.folds[i]) {
      sets[i].set(byte ^ 0x20U);
    } else if (is_letter(literal.bytes[i])) {
      out.folds = false;
    }
  }
  const std::vector<ByteSet> behind = what.automaton->bytes_behind(sets, out.behind.size());
  std::copy(behind.begin(), behind.end(), out.behind.begin());
  return out;
}

bool stands_at(const Literal& literal, const Window& window, std::uint64_t position,
               std::size_t length) {
  for (std::size_t i = 0; i < length; ++i) {
    const char byte = static_cast<char>(window.at(position + i));
    if ((literal.folds[i] ? to_lower(byte) : byte) != literal.bytes[i]) return false;
  }
  return true;
}

}  // namespace veilwire::masking
