// The syntax tree of a rule's expression: RE2's and Go's syntax, read over bytes. RE2 itself
// decides what matches; the tree exists because RE2 does not say what a stream needs to know of an
// expression: how long a match can become, which literals it begins with, where its secret begins,
// and whether a text that ends here could still become a match. Tested by
// tests/unit/masking/expression_test.cpp.
#pragma once

#include "userspace/base/result.h"

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::masking {

using ByteSet = std::bitset<256>;

enum class Assertion : std::uint8_t {
  TextBegin,
  TextEnd,
  LineBegin,
  LineEnd,
  WordBoundary,
  NotWordBoundary
};

inline constexpr std::uint32_t kUnbounded = UINT32_MAX;

struct Expression {
  enum class Kind : std::uint8_t { Empty, Bytes, Assert, Concat, Alternate, Repeat, Capture };

  Kind kind = Kind::Empty;
  Assertion assertion = Assertion::TextBegin;  // Assert
  ByteSet bytes;                               // Bytes: one byte out of these
  std::uint32_t min = 0, max = 0;              // Repeat
  bool lazy = false;                           // Repeat: fewer are preferred
  std::uint32_t capture = 0;                   // Capture: number from 1
  std::size_t begin = 0, end = 0;              // where it stands in the pattern
  std::vector<Expression> parts;               // operands; never a Concat directly in a Concat
};

// Whether the capture stands in it; 0: any.
bool has_capture(const Expression& e, std::uint32_t number);

struct SyntaxError {
  std::size_t offset = 0;
  std::string message;
};

// Refuses what RE2 refuses and, beyond that, what has no meaning over bytes: Unicode classes,
// characters outside ASCII in a class or under a repetition, case folding of bytes above 0x7f.
Result<Expression, SyntaxError> parse_expression(std::string_view pattern);

}  // namespace veilwire::masking
