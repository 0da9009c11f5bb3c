// Assertions that have been used, for as long as they could be used again. What is forgotten by a
// restart is still an answer to one request alone, which its asker takes once. Tested by
// tests/unit/saml/replay_table_test.cpp.
#pragma once

#include "agent/host/protocol/saml.h"
#include "userspace/base/limits.h"
#include "userspace/base/time.h"

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>

namespace veilwire::saml {

class ReplayTable {
 public:
  explicit ReplayTable(std::size_t most = limits::kSamlRemembered) : most_(most) {}

  // Replayed, or Busy where there is no room: to forget one would be to let it in again.
  std::optional<host::protocol::SamlError> use(const std::string& id, WallTime usable_until,
                                               WallTime now);
  std::size_t size() const { return used_.size(); }

 private:
  std::size_t most_;
  std::unordered_map<std::string, WallTime> used_;
};

}  // namespace veilwire::saml
