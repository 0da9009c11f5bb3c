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

class Engine {
 public:
  explicit Engine(const Secret& site_key) : site_key_(std::string(site_key.reveal())) {}

  std::vector<CompiledRule> rules;  // in the order of the packs
  std::vector<EngineError> left_out;
  LiteralScanner literals;
  CompiledExpression mask;  // any mask that a rule of the packs writes
  // Rules without literals: bit i of first_bytes[before][byte] says that scanned[i] may begin with
  // that byte, bit i of bytes[k][byte] that this may be the byte k behind its first, and bit i of
  // told_by[n] that n bytes are enough to tell.
  std::vector<std::uint32_t> scanned;
  std::array<std::array<std::uint64_t, 256>, 4> first_bytes{};
  std::array<std::array<std::uint64_t, 256>, kScanDepth> bytes{};
  std::array<std::uint64_t, kScanDepth + 1> told_by{};
  // Bytes before the end of what was read that a new candidate may need.
  std::uint32_t look_back = 1;

  std::string digest(std::string_view secret) const;  // 16 hex digits
  std::string replacement(const CompiledRule& rule, std::string_view digest) const;

 private:
  Secret site_key_;
};

}  // namespace veilwire::masking
