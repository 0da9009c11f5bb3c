// What is inside an Engine. Internal to userspace/masking: streams read it, nothing changes it once
// it is compiled (but for the automata's own state tables, which guard themselves). Tested through
// engine.h.
#pragma once

#include "userspace/base/secret.h"
#include "userspace/masking/anchor.h"
#include "userspace/masking/compiled_rule.h"
#include "userspace/masking/engine.h"
#include "userspace/masking/known_secret.h"
#include "userspace/masking/literal_scanner.h"
#include "userspace/masking/start_scanner.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::masking {

// Owner numbers of the literal scanner: anchors count from 0.
inline constexpr std::uint32_t kMaskOwner = UINT32_MAX;
// Masks that stand in the text already are recognised by this beginning.
inline constexpr std::string_view kMaskBegin = "[MASKED:";

// What rules are compiled to. Engines that know a secret beside the same rules share it.
class EngineParts {
 public:
  explicit EngineParts(const Secret& site_key) : site_key_(std::string(site_key.reveal())) {}

  std::vector<CompiledRule> rules;  // in the order of the packs
  std::vector<EngineError> left_out;
  LiteralScanner literals;
  std::vector<Anchor> anchors;  // the literals of the rules
  std::vector<Edge> edges;
  StartScanner starts;      // for rules without literals
  CompiledExpression mask;  // any mask that a rule of the packs writes
  // Bytes before the end of what was read that a new candidate may need.
  std::uint32_t look_back = 1;

  std::string digest(std::string_view secret) const;  // 16 hex digits
  std::string replacement(const CompiledRule& rule, std::string_view digest) const;

 private:
  Secret site_key_;
};

class Engine {
 public:
  explicit Engine(std::shared_ptr<const EngineParts> of_rules,
                  std::shared_ptr<const KnownSecret> secret = nullptr);

  const std::uint64_t serial = next_serial();
  const std::shared_ptr<const EngineParts> parts;
  const std::shared_ptr<const KnownSecret> known;  // or nullptr
  CompiledRule known_rule;                         // what findings of it say
  std::string known_digest;

 private:
  static std::uint64_t next_serial();
};

// The number of known_rule among the rules: behind them all.
inline constexpr std::uint32_t kKnownSecret = UINT32_MAX;

}  // namespace veilwire::masking
