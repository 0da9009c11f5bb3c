#include "userspace/audit/content.h"

#include "userspace/audit/canonical_scan.h"
#include "userspace/base/limits.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace veilwire::audit {
namespace {

// A gear hash: each byte's random word is added and older ones are shifted out, so that the value
// depends on the last 64 bytes alone. The words come from SplitMix64 and must never change: other
// words put the cuts elsewhere, and what is stored already would not be met again.
constexpr std::array<std::uint64_t, 256> make_gear() {
  std::array<std::uint64_t, 256> gear{};
  std::uint64_t state = 0;
  for (std::uint64_t& word : gear) {
    state += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    word = z ^ (z >> 31);
  }
  return gear;
}
constexpr std::array<std::uint64_t, 256> kGear = make_gear();
constexpr std::size_t kWindow = 64;
// One position in 4096 is a cut: the upper bits, which all of the window reaches.
constexpr std::uint64_t kCutMask = 0xFFF0000000000000U;

bool continues_sequence(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// A cut between the bytes of one character would turn both pieces into base64. Bytes that are not
// UTF-8 anyhow may hold longer runs of continuation bytes: there the cut stays where it is.
std::size_t at_character(std::string_view rest, std::size_t cut) {
  for (std::size_t back = 0; back < 4 && cut - back < rest.size(); ++back) {
    if (!continues_sequence(rest[cut - back])) return cut - back;
  }
  return cut;
}

}  // namespace

std::size_t next_cut(std::string_view rest) {
  const std::size_t most = std::min(rest.size(), limits::kRecordContent);
  if (most <= kLeastPiece) return most;
  std::uint64_t hash = 0;
  for (std::size_t i = kLeastPiece - kWindow; i < most; ++i) {
    hash = (hash << 1) + kGear[static_cast<unsigned char>(rest[i])];
    if (i >= kLeastPiece && (hash & kCutMask) == 0) return at_character(rest, i + 1);
  }
  return at_character(rest, most);
}

std::optional<ContentRange> find_content(std::string_view canonical) {
  for (std::size_t at = 1;;) {
    const auto member = member_at(canonical, at);
    // Members are sorted: behind these names there is nothing to look for.
    if (!member || member->name > "content_base64") return std::nullopt;
    if (member->name == "content" || member->name == "content_base64") {
      if (canonical[member->value] != '"') return std::nullopt;
      return ContentRange{.offset = member->value + 1, .length = member->end - member->value - 2};
    }
    at = member->end + 1;
  }
}

}  // namespace veilwire::audit
