// A short text is read by both scanners side by side: each waits for a look-up in its own table of
// states, and they can wait together. Long texts have lanes for that (lanes.h). Tested through
// stream_masker.h, whose oracle knows neither.
#pragma once

#include "userspace/masking/literal_scanner.h"
#include "userspace/masking/start_scanner.h"

#include <cstddef>
#include <string_view>

namespace veilwire::masking {

// Up to here it is worth it, in bytes.
inline constexpr std::size_t kSideBySide = 256;

// What both their scan() would do, one after the other.
template <class OnHit, class OnStart>
void scan_both(const LiteralScanner& literals, LiteralScanner::Node& literal_node,
               const StartScanner& starts, StartScanner::Node& start_node, std::string_view text,
               OnHit&& on_hit, OnStart&& on_start) {
  const auto next_literal = literals.plain_step();
  const auto next_start = starts.plain_step();
  LiteralScanner::Node literal = literal_node;
  StartScanner::Node start = start_node;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    LiteralScanner::Node literal_then = 0;
    StartScanner::Node start_then = 0;
    const bool plain = static_cast<unsigned>(next_literal(literal, byte, literal_then)) &
                       static_cast<unsigned>(next_start(start, byte, start_then));
    if (!plain) [[unlikely]] {
      literal_then = literals.step(literal, text[at], at + 1, on_hit);
      start_then = starts.step(start, text[at], at + 1, on_start);
    }
    literal = literal_then;
    start = start_then;
  }
  literal_node = literal;
  start_node = start;
}

}  // namespace veilwire::masking
