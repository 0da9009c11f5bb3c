// Where code points begin and end, so that no output is cut inside one. Tested by
// tests/unit/masking/parts_test.cpp.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace veilwire::masking {

inline bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80; }

// Bytes of the code point that begins with `lead`; 1 for what begins none.
inline std::size_t code_point_length(char lead) {
  const auto b = static_cast<unsigned char>(lead);
  if (b >= 0xc2 && b <= 0xdf) return 2;
  if (b >= 0xe0 && b <= 0xef) return 3;
  if (b >= 0xf0 && b <= 0xf4) return 4;
  return 1;
}

// Where the code point ends that byte at - 1 belongs to; `at` itself where that is its end or it is
// no part of one. nullopt: the text ends before that can be known.
std::optional<std::size_t> code_point_end(std::string_view text, std::size_t at,
                                          bool text_is_whole);

// The length of `text` without a code point at its end that is not complete. The first half of a
// surrogate pair (three bytes, as JSON's \ud83d decodes) waits for the second: the two must not be
// parted.
std::size_t whole_code_points(std::string_view text);

}  // namespace veilwire::masking
