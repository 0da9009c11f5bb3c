#include "userspace/masking/base64_scan.h"

#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace veilwire::masking {
namespace {

using Block = unsigned char __attribute__((vector_size(16)));

// A bit for each of sixteen bytes, the first the lowest: whether it is of base64.
std::uint64_t mask_of(const Block& c) {
  const Block letter = (c | 0x20) - 'a', digit = c - '0';
  const auto inside =
      (letter < 26) | (digit < 10) | (c == '+') | (c == '-') | (c == '/') | (c == '_');
#ifdef __SSE2__
  __m128i bytes;
  std::memcpy(&bytes, &inside, sizeof(bytes));
  return static_cast<std::uint64_t>(_mm_movemask_epi8(bytes));
#else
  std::uint64_t halves[2];
  std::memcpy(halves, &inside, sizeof(halves));
  // One bit of each byte, moved into the highest.
  const auto bits = [](std::uint64_t half) {
    return (half & 0x0101010101010101) * 0x0102040810204080 >> 56;
  };
  return bits(halves[0]) | bits(halves[1]) << 8;
#endif
}

}  // namespace

std::uint64_t base64_mask(std::string_view window) {
  Block block;
  std::uint64_t mask = 0;
  std::size_t at = 0;
  for (; window.size() - at >= sizeof(block); at += sizeof(block)) {
    std::memcpy(&block, window.data() + at, sizeof(block));
    mask |= mask_of(block) << at;
  }
  const std::size_t rest = window.size() - at;
  if (rest == 0) return mask;
  if (at != 0) {
    // The last sixteen, some of them again.
    std::memcpy(&block, window.data() + window.size() - sizeof(block), sizeof(block));
    return mask | mask_of(block) << (window.size() - sizeof(block));
  }
  std::uint64_t halves[2] = {0, 0};
  if (rest >= 8) {
    std::memcpy(&halves[0], window.data(), 8);
    std::memcpy(&halves[1], window.data() + rest - 8, 8);
    std::memcpy(&block, halves, sizeof(block));
    const std::uint64_t both = mask_of(block);
    return (both & 0xFF) | both >> 8 << (rest - 8);
  }
  for (std::size_t i = 0; i < rest; ++i) mask |= std::uint64_t{is_base64(window[i])} << i;
  return mask;
}

}  // namespace veilwire::masking
