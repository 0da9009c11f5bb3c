// What the proxy has counted, as one JSON document for agent/metrics: sums over its workers. Names
// in it come from policy and code alone: no person, session, process or address.
#pragma once

#include "agent/proxy/worker.h"
#include "userspace/base/time.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace veilwire::proxy {

struct PolicyLoads {
  std::uint64_t active = 0, refused = 0;  // since the start
  WallTime last;                          // that took effect
};

// What the workers do not know.
struct ProxyHealth {
  bool healthy = false;
  std::map<std::string, bool> links;
  PolicyLoads loads;
  std::string policy_mode;        // "enforce", or policy::observed_extent()
  bool policy_refused = false;    // the last one that was read is not in force
  std::size_t not_permitted = 0;  // hosts that the CA may not sign for
};

std::string metrics_document(const ProxyHealth& health, const Shared& shared,
                             const std::vector<std::unique_ptr<Worker>>& workers);

}  // namespace veilwire::proxy
