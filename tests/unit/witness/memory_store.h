// A store that forgets, and that fails or moves when a test wants it to.
#pragma once

#include "agent/witness/store.h"

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace veilwire::witness {

class MemoryStore : public Store {
 public:
  struct Log {
    KeptLog kept;
    std::vector<std::string> records;
  };
  struct Noted {
    std::uint64_t record = 0;
    std::string what, given;
    bool has_held = false;
  };
  std::map<std::string, Log, std::less<>> logs;
  std::vector<Noted> noted;
  bool away = false;
  std::function<void()> before_add;  // once

  Result<std::optional<KeptLog>, StoreFailure> find(std::string_view origin) override {
    if (away) return Unexpected{StoreFailure{"away"}};
    const auto at = logs.find(origin);
    if (at == logs.end()) return std::optional<KeptLog>();
    return std::optional(at->second.kept);
  }
  Result<std::vector<proof::Hash>, StoreFailure> leaves(std::string_view origin,
                                                        std::uint64_t first,
                                                        std::uint64_t count) override {
    if (away) return Unexpected{StoreFailure{"away"}};
    std::vector<proof::Hash> out;
    const auto& records = logs.find(origin)->second.records;
    for (std::uint64_t i = first; i < first + count && i <= records.size(); ++i)
      out.push_back(proof::leaf_hash(records[static_cast<std::size_t>(i - 1)]));
    return out;
  }
  Result<bool, StoreFailure> add(const Addition& addition) override {
    if (auto act = std::exchange(before_add, {})) act();
    if (away) return Unexpected{StoreFailure{"away"}};
    const evidence::WitnessedLog& after = addition.growth->after;
    Log& log = logs[after.origin];
    if (log.records.size() != addition.size) return false;
    if (addition.size == 0) log.kept.client = addition.client;
    log.kept.log = after;
    if (!addition.cosignature.empty()) log.kept.cosignature = addition.cosignature;
    log.records.insert(log.records.end(), addition.records.begin(), addition.records.end());
    return true;
  }
  Result<void, StoreFailure> note(const Tampering& tampering) override {
    if (away) return Unexpected{StoreFailure{"away"}};
    noted.push_back({tampering.record, std::string(tampering.what), std::string(tampering.given),
                     tampering.held.has_value()});
    return {};
  }
};

}  // namespace veilwire::witness
