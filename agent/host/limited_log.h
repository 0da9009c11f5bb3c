// Warnings that others can provoke as often as they like, at most one in a time: every local user
// can connect and be refused, and none may fill the journal. Tested by
// tests/unit/host/log_test.cpp.
#pragma once

#include "userspace/base/time.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace veilwire::host {

class LimitedLog {
 public:
  explicit LimitedLog(std::chrono::nanoseconds between = std::chrono::seconds(5))
      : between_(between) {}
  // Says with the next line how many were left out.
  void warning(std::string line, Monotonic now);

 private:
  std::chrono::nanoseconds between_;
  Monotonic next_;
  std::uint64_t left_out_ = 0;
};

}  // namespace veilwire::host
