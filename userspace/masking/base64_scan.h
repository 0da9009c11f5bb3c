// Where characters of base64 stand in a text, many at a time. Tested by
// tests/unit/masking/base64_scan_test.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace veilwire::masking {

// Of the characters of RFC 4648, sections 4 and 5; 64: of none.
inline constexpr std::array<std::uint8_t, 256> kBase64Values = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(64);
  for (unsigned i = 0; i < 26; ++i) {
    values['A' + i] = static_cast<std::uint8_t>(i);
    values['a' + i] = static_cast<std::uint8_t>(26 + i);
    if (i < 10) values['0' + i] = static_cast<std::uint8_t>(52 + i);
  }
  values['+'] = values['-'] = 62;
  values['/'] = values['_'] = 63;
  return values;
}();
inline std::uint8_t base64_value(char c) { return kBase64Values[static_cast<unsigned char>(c)]; }
inline bool is_base64(char c) { return base64_value(c) != 64; }

// No shorter run of such characters is looked into: of shorter words too many decode to text.
inline constexpr std::size_t kShortestBase64 = 16;

// A bit for each of up to 64 bytes, the first the lowest: whether it is of base64. Bits behind them
// are 0.
inline constexpr std::size_t kBase64Window = 64;
std::uint64_t base64_mask(std::string_view window);

}  // namespace veilwire::masking
