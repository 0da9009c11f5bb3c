// How long to wait before something is tried again: twice as long each time up to a bound, and less
// by chance, so that ten thousand hosts do not come back to a collector in the same second. Pure.
// Tested by tests/unit/forwarder/backoff_test.cpp.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

namespace veilwire::forwarder {

// 32 random bits.
using Random = std::function<std::uint32_t()>;

class Backoff {
 public:
  struct Settings {
    std::chrono::milliseconds first{1'000};
    std::chrono::milliseconds longest{60'000};
    // What a destination may ask for is bounded, too: its clock or its word may be wrong.
    std::chrono::milliseconds longest_asked{600'000};
  };

  Backoff(Settings settings, Random random)
      : settings_(settings), random_(std::move(random)), next_(settings.first) {}

  // Between half of the time and all of it; not less than what was asked for, within its bound.
  std::chrono::milliseconds failed(std::optional<std::chrono::seconds> asked = {}) {
    const auto most = next_;
    next_ = std::min(most * 2, settings_.longest);
    const auto half = most.count() / 2;
    const auto chance = static_cast<std::int64_t>(random_() % static_cast<std::uint32_t>(half + 1));
    auto wait = std::chrono::milliseconds(most.count() - chance);
    if (asked) {
      // Compared in seconds: a number from far away must not overflow.
      const auto bound = std::chrono::floor<std::chrono::seconds>(settings_.longest_asked);
      wait = std::max<std::chrono::milliseconds>(wait, std::min(*asked, bound));
    }
    return wait;
  }
  void succeeded() { next_ = settings_.first; }

 private:
  Settings settings_;
  Random random_;
  std::chrono::milliseconds next_;
};

}  // namespace veilwire::forwarder
