// How long a client may take over one request. Tested by tests/unit/flow/request_time_test.cpp.
#pragma once

#include "userspace/base/limits.h"
#include "userspace/base/time.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>

namespace veilwire::flow {

class RequestTime {
 public:
  // The next bytes of the request, its first ones included.
  void read(std::size_t bytes, Monotonic now) {
    if (!part_) {
      *this = {};
      part_ = Part::Head;
      begun_ = now;
    }
    bytes_ += bytes;
    last_ = now;
  }
  void head_is_whole() { part_ = Part::Body; }
  // What follows goes on as it comes, so that a pause may be the upstream's.
  void unseen() { part_ = Part::Unseen; }
  // It was us who did not read.
  void restart(Monotonic now) { begun_ = last_ = now; }
  void stop() { part_.reset(); }

  // Nothing: no request is being read.
  std::optional<Monotonic> deadline() const {
    if (!part_) return std::nullopt;
    switch (*part_) {
      case Part::Head:
        return begun_ + limits::kRequestHeadTime;
      case Part::Body:
        return std::min(last_, begun_ + std::chrono::seconds(bytes_ / limits::kRequestRate)) +
               limits::kRequestHeadTime;
      case Part::Unseen:
        return last_ + limits::kIdleConnection;
    }
    return std::nullopt;
  }

 private:
  enum class Part { Head, Body, Unseen };
  std::optional<Part> part_;
  Monotonic begun_, last_;
  std::size_t bytes_ = 0;
};

}  // namespace veilwire::flow
