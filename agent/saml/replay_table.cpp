#include "agent/saml/replay_table.h"

namespace veilwire::saml {

std::optional<host::protocol::SamlError> ReplayTable::use(const std::string& id,
                                                          WallTime usable_until, WallTime now) {
  // The clock may be set back by less than the grace that it gives, and not be wrong.
  const auto over = [now](const auto& entry) {
    return entry.second.since_epoch + 2 * limits::kClockSkew <= now.since_epoch;
  };
  if (used_.contains(id)) return host::protocol::SamlError::Replayed;
  if (used_.size() >= most_) std::erase_if(used_, over);
  if (used_.size() >= most_) return host::protocol::SamlError::Busy;
  used_.emplace(id, usable_until);
  return std::nullopt;
}

}  // namespace veilwire::saml
