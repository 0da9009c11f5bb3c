// The intercepted addresses: those of the configuration for ever, those that the proxy resolves
// until they expire. Names are resolved by the proxy alone. Time is an argument. Tested by
// tests/bpf/service_test.cpp.
#pragma once

#include "agent/redirector/kernel_maps.h"
#include "agent/redirector/net_address.h"

#include <chrono>
#include <map>
#include <set>
#include <vector>

namespace veilwire::redirector {

class Targets {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Writes the configured ones and adopts what an earlier run left in the map, for kAdopted.
  Targets(KernelMaps& maps, const std::vector<Prefix>& configured, Time now);

  // Adds or renews. false: there are too many, or the map is full. Nobody is ever pushed out for
  // another.
  bool add(const Address& address, std::chrono::seconds lifetime, Time now);
  void expire(Time now);

 private:
  static constexpr std::chrono::hours kAdopted{1};
  KernelMaps& maps_;
  std::set<Prefix> configured_;
  std::map<Prefix, Time> resolved_;
};

}  // namespace veilwire::redirector
