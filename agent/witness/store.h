// What a witness keeps, as it asks for it: where each log stands, its records, and what contradicts
// them. Instances of the witness share one store and nothing else, so that growing a log is a
// compare-and-swap on its size. Everything that an answer rests on is durable when a call returns.
#pragma once

#include "userspace/base/result.h"
#include "userspace/evidence/witnessed_log.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::witness {

// It cannot be reached or does not do what it is told: nothing is known of what was asked for.
struct StoreFailure {
  std::string what;  // for an operator
};

struct KeptLog {
  evidence::WitnessedLog log;
  std::string client;       // who has sent its first records
  std::string cosignature;  // of log.checkpoint, a line; empty where there is none
};

// Records behind the end of a log that has had this size.
struct Addition {
  std::uint64_t size = 0;  // 0: there is no such log yet
  std::string_view client;
  std::span<const std::string_view> records;
  const evidence::Growth* growth = nullptr;
  std::string_view cosignature;  // of a checkpoint among the records; empty: there is none
};

// A host has said what contradicts what it has said before.
struct Tampering {
  std::string_view origin, client;
  std::uint64_t record = 0;
  std::string_view what;
  std::string_view given;           // the record's bytes
  std::optional<proof::Hash> held;  // of the one that is held under this number
};

class Store {
 public:
  virtual ~Store() = default;
  virtual Result<std::optional<KeptLog>, StoreFailure> find(std::string_view origin) = 0;
  // Of the records of a log from this number on, at most so many.
  virtual Result<std::vector<proof::Hash>, StoreFailure> leaves(std::string_view origin,
                                                                std::uint64_t first,
                                                                std::uint64_t count) = 0;
  // false: the log has another size by now, and nothing was added.
  virtual Result<bool, StoreFailure> add(const Addition& addition) = 0;
  // The same once more is counted.
  virtual Result<void, StoreFailure> note(const Tampering& tampering) = 0;
};

}  // namespace veilwire::witness
