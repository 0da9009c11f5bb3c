// The two clocks of the host as the values that userspace/ takes as arguments.
#pragma once

#include "userspace/base/time.h"

#include <chrono>

namespace veilwire::host {

// steady_clock is CLOCK_MONOTONIC on Linux, so a Monotonic is also a steady_clock time point.
inline Now now() {
  return {{std::chrono::steady_clock::now().time_since_epoch()},
          {std::chrono::system_clock::now().time_since_epoch()}};
}

}  // namespace veilwire::host
