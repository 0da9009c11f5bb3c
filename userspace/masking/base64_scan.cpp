#include "userspace/masking/base64_scan.h"

#include <algorithm>
#include <bit>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace veilwire::masking {
namespace {

using Block = unsigned char __attribute__((vector_size(16)));

constexpr std::size_t kWindow = 64;

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

// The same for up to 64 bytes; bits behind them are 0.
std::uint64_t mask_of(std::string_view text) {
  Block block;
  std::uint64_t mask = 0;
  std::size_t at = 0;
  for (; text.size() - at >= sizeof(block); at += sizeof(block)) {
    std::memcpy(&block, text.data() + at, sizeof(block));
    mask |= mask_of(block) << at;
  }
  const std::size_t rest = text.size() - at;
  if (rest == 0) return mask;
  if (at != 0) {
    // The last sixteen, some of them again.
    std::memcpy(&block, text.data() + text.size() - sizeof(block), sizeof(block));
    return mask | mask_of(block) << (text.size() - sizeof(block));
  }
  std::uint64_t halves[2] = {0, 0};
  if (rest >= 8) {
    std::memcpy(&halves[0], text.data(), 8);
    std::memcpy(&halves[1], text.data() + rest - 8, 8);
    std::memcpy(&block, halves, sizeof(block));
    const std::uint64_t both = mask_of(block);
    return (both & 0xFF) | both >> 8 << (rest - 8);
  }
  for (std::size_t i = 0; i < rest; ++i) mask |= std::uint64_t{is_base64(text[i])} << i;
  return mask;
}

}  // namespace

std::size_t base64_prefix(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); at += kWindow) {
    const std::uint64_t mask = mask_of(text.substr(at, kWindow));
    if (~mask != 0)
      return std::min(text.size(), at + static_cast<std::size_t>(std::countr_one(mask)));
  }
  return text.size();
}

std::size_t next_base64(std::string_view text) {
  // Windows overlap by as much as the beginning of a run that is long enough.
  constexpr std::size_t kStep = kWindow - kShortestBase64;
  for (std::size_t at = 0;; at += kStep) {
    const std::string_view window = text.substr(at, kWindow);
    const std::uint64_t mask = mask_of(window);
    std::uint64_t runs = mask & mask >> 1;  // of two that begin there, of four, eight, sixteen
    runs &= runs >> 2;
    runs &= runs >> 4;
    runs &= runs >> 8;
    if (runs != 0) [[unlikely]]
      return at + static_cast<std::size_t>(std::countr_zero(runs));
    if (at + window.size() < text.size()) continue;
    if (window.empty()) return text.size();
    const auto last = static_cast<std::size_t>(std::countl_one(mask << (kWindow - window.size())));
    return text.size() - last;
  }
}

}  // namespace veilwire::masking
