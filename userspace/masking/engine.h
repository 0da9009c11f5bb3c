// Rule packs compiled into one immutable engine that all streams of all threads share.
// Tested by tests/unit/masking and tests/property.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/secret.h"
#include "userspace/masking/finding.h"
#include "userspace/masking/rule_pack.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace veilwire::masking {

struct EngineError {
  std::string rule;     // id of the rule that cannot be compiled
  std::string message;  // what is wrong and, where it cannot be bounded, how to bound it
};

class Engine;  // opaque; defined in engine.cpp's own headers
class KnownSecret;

// Tells one engine from all others that this process has or will have, unlike its address.
std::uint64_t serial(const Engine& engine);

// Compiles the rules whose treatment is not Ignore; one that cannot be is an error, in a foreign
// pack it is left out. site_key is copied into the engine for digests.
using TreatmentOf = std::function<Treatment(const Rule&)>;
Result<std::shared_ptr<const Engine>, EngineError> compile(std::span<const RulePack> packs,
                                                           const TreatmentOf& treatment,
                                                           const Secret& site_key);

// The same rules, and a secret beside them that is masked whatever becomes of their findings.
// nullptr: the rules alone. Of findings that are the same text it wins, but for one that blocks.
// Costs one digest.
std::shared_ptr<const Engine> knowing(const Engine& engine,
                                      std::shared_ptr<const KnownSecret> secret);

// Rules of foreign packs that cannot be compiled, or whose id another pack before them has: the
// engine does not look for them.
std::span<const EngineError> left_out(const Engine& engine);

// The whole text at once: the oracle's counterpart, used for bodies that are complete.
std::vector<Finding> find_all(const Engine& engine, std::string_view text);
std::string mask_all(const Engine& engine, std::string_view text,
                     std::vector<Finding>* findings = nullptr);

}  // namespace veilwire::masking
