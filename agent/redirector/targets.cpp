#include "agent/redirector/targets.h"

#include "agent/host/protocol/redirector.h"

#include <stdexcept>

namespace veilwire::redirector {

Targets::Targets(KernelMaps& maps, const std::vector<Prefix>& configured, Time now)
    : maps_(maps), configured_(configured.begin(), configured.end()) {
  for (const Prefix& prefix : configured_)
    if (!maps_.add_target(prefix)) throw std::runtime_error("[redirector] targets: too many");
  for (const Prefix& prefix : maps_.targets()) {
    if (configured_.contains(prefix)) continue;
    if (prefix.bits == 128)
      resolved_[prefix] = now + kAdopted;
    else
      maps_.remove_target(prefix);  // a former configuration's
  }
}

bool Targets::add(const Address& address, std::chrono::seconds lifetime, Time now) {
  const Prefix prefix{address, 128};
  if (configured_.contains(prefix)) return true;
  const auto known = resolved_.find(prefix);
  if (known != resolved_.end()) {
    known->second = now + lifetime;
    return true;
  }
  if (resolved_.size() >= host::protocol::kRedirectorMaxTargets || !maps_.add_target(prefix))
    return false;
  resolved_[prefix] = now + lifetime;
  return true;
}

void Targets::expire(Time now) {
  for (auto at = resolved_.begin(); at != resolved_.end();) {
    if (at->second <= now) {
      maps_.remove_target(at->first);
      at = resolved_.erase(at);
    } else {
      ++at;
    }
  }
}

}  // namespace veilwire::redirector
