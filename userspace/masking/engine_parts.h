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
  // Rules without literals; a set of them has bit i for scanned[i].
  std::vector<std::uint32_t> scanned;
  std::array<std::array<std::uint64_t, 256>, 4> first_bytes{};  // may begin: [before][byte]
  // May have this byte k bytes behind the first: [byte][k].
  std::array<std::array<std::uint64_t, kScanDepth>, 256> bytes{};
  std::array<std::uint64_t, kScanDepth> told{};    // once they have k more bytes than one
  std::array<std::uint64_t, kScanDepth> untold{};  // later than that
  // Bytes before the end of what was read that a new candidate may need.
  std::uint32_t look_back = 1;

  std::string digest(std::string_view secret) const;  // 16 hex digits
  std::string replacement(const CompiledRule& rule, std::string_view digest) const;

 private:
  Secret site_key_;
};

}  // namespace veilwire::masking
