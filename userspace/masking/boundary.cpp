#include "userspace/masking/boundary.h"

#include "userspace/masking/expression.h"
#include "userspace/masking/shape.h"

#include <algorithm>
#include <vector>

namespace veilwire::masking {
namespace {

using Kind = Expression::Kind;

// A terminator is a byte or an escape of two.
constexpr std::uint64_t kLongestTerminator = 2;
// A larger class says what must not follow, and is wide already.
constexpr std::size_t kMaxTerminators = 64;

bool is_end(const Expression& e) {
  return e.kind == Kind::Assert &&
         (e.assertion == Assertion::TextEnd || e.assertion == Assertion::LineEnd);
}

bool small(const Expression& e) {
  if (e.kind == Kind::Bytes) return e.bytes.count() <= kMaxTerminators;
  return std::all_of(e.parts.begin(), e.parts.end(), small);
}

bool lists_terminators(const Expression& e) {
  if (e.kind != Kind::Alternate || has_capture(e, 0)) return false;
  const auto terminates = [](const Expression& way) {
    const auto longest = max_length(way);
    return is_end(way) ||
           (min_length(way) > 0 && longest && *longest <= kLongestTerminator && small(way));
  };
  return std::any_of(e.parts.begin(), e.parts.end(), is_end) &&
         std::all_of(e.parts.begin(), e.parts.end(), terminates);
}

// Bytes that a text of `e` can end with.
ByteSet last_bytes(const Expression& e);

ByteSet last_bytes_of(const std::vector<Expression>& parts, std::size_t count) {
  ByteSet out;
  while (count-- > 0) {
    out |= last_bytes(parts[count]);
    if (min_length(parts[count]) > 0) break;
  }
  return out;
}

ByteSet last_bytes(const Expression& e) {
  if (e.kind == Kind::Bytes) return e.bytes;
  if (e.kind == Kind::Concat) return last_bytes_of(e.parts, e.parts.size());
  ByteSet out;
  for (const Expression& part : e.parts) out |= last_bytes(part);
  return out;
}

void add_word(ByteSet& set) {
  for (unsigned b = 0; b < 128; ++b) {
    const bool letter = (b | 0x20U) >= 'a' && (b | 0x20U) <= 'z';
    if (letter || (b >= '0' && b <= '9') || b == '_') set.set(b);
  }
}

std::string spelled(unsigned byte) {
  constexpr std::string_view kHex = "0123456789abcdef";
  return {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
}

// All bytes but these; flags that stand before it have no say.
std::string none_of(const ByteSet& set) {
  std::string out = "(?-i:[^";
  for (unsigned b = 0; b < 256; ++b) {
    if (!set[b]) continue;
    unsigned last = b;
    while (last < 255 && set[last + 1]) ++last;
    out += spelled(b);
    if (last > b) out += '-' + spelled(last);
    b = last;
  }
  return out + "])";
}

}  // namespace

std::string widen_boundary(std::string_view regex) {
  std::string out(regex);
  const auto parsed = parse_expression(regex);
  if (!parsed || parsed->kind != Kind::Concat) return out;
  const std::vector<Expression>& parts = parsed->parts;
  const Expression& last = parts.back();
  if (last.end != regex.size() || !lists_terminators(last)) return out;
  ByteSet alphabet = last_bytes_of(parts, parts.size() - 1);
  if (alphabet.none() || alphabet.all()) return out;
  ByteSet word;
  add_word(word);
  if ((alphabet & word).any()) alphabet |= word;
  out.resize(last.begin);
  return out + "(?:" + none_of(alphabet) + "|\\z)";
}

}  // namespace veilwire::masking
