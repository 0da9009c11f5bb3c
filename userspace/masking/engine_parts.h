// What is inside an Engine. Internal to userspace/masking: streams read it, nothing changes it once
// it is compiled (but for the automata's own state tables, which guard themselves). Tested through
// engine.h.
#pragma once

#include "userspace/base/secret.h"
#include "userspace/masking/compiled_rule.h"
#include "userspace/masking/engine.h"
#include "userspace/masking/literal_scanner.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::masking {

// Owner numbers of the literal scanner: rules count from 0.
inline constexpr std::uint32_t kMaskOwner = UINT32_MAX;
// Masks that stand in the text already are recognised by this beginning.
inline constexpr std::string_view kMaskBegin = "[MASKED:";

// Up to eight rules without literals, looked for together (Shift-And, Baeza-Yates and Gonnet 1992).
// Rule i has byte i of each word, from the low end; its bit k stands for a start k bytes before the
// last byte that was read.
struct ScanGroup {
  static constexpr std::size_t kRules = 8;
  std::vector<std::uint32_t> rules;
  std::array<std::array<std::uint64_t, 256>, 4> first{};  // bit 0: may begin with [before][byte]
  std::array<std::uint64_t, 256> bytes{};  // may have this byte so far behind the first
  std::uint64_t told = 0;                  // so many bytes tell a start
  std::uint64_t untold = 0;                // too few to tell
};
static_assert(kScanDepth == 8, "a byte of a word holds all places of a rule");

class Engine {
 public:
  explicit Engine(const Secret& site_key) : site_key_(std::string(site_key.reveal())) {}

  const std::uint64_t serial = next_serial();
  std::vector<CompiledRule> rules;  // in the order of the packs
  std::vector<EngineError> left_out;
  LiteralScanner literals;
  CompiledExpression mask;         // any mask that a rule of the packs writes
  std::vector<ScanGroup> scanned;  // rules without literals
  // Bytes before the end of what was read that a new candidate may need.
  std::uint32_t look_back = 1;

  std::string digest(std::string_view secret) const;  // 16 hex digits
  std::string replacement(const CompiledRule& rule, std::string_view digest) const;

 private:
  static std::uint64_t next_serial();
  Secret site_key_;
};

}  // namespace veilwire::masking
