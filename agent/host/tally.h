// Counters and histograms that one thread writes and any other reads: a load and a store each, with
// no lock and no locked instruction, so that counting costs the hot path nothing that shows. A
// reader sees each number whole, but not all of one moment. Tested by
// tests/unit/host/tally_test.cpp.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace veilwire::host {

class Tally {
 public:
  void add(std::uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// What was counted, as values that can be summed over threads.
struct HistogramCounts {
  std::vector<double> bounds;          // upper ones, ascending, in the base unit
  std::vector<std::uint64_t> buckets;  // one more than bounds: the last is for all above
  double sum = 0;

  // One of the same bounds, or into an empty one.
  void add(const HistogramCounts& other);
  // {"bounds":[..],"buckets":[..],"sum":..}
  std::string to_json() const;
};

// Bounds are integers in a small unit; scale is what of it makes one of the base unit.
template <std::size_t N>
class Histogram {
 public:
  constexpr Histogram(const std::array<std::uint64_t, N>& bounds, double scale)
      : bounds_(bounds), scale_(scale) {}

  void observe(std::uint64_t value) {
    std::size_t i = 0;
    while (i < N && value > bounds_[i]) ++i;
    buckets_[i].add();
    sum_.add(value);
  }
  void observe(std::chrono::nanoseconds time) {
    observe(time.count() > 0 ? static_cast<std::uint64_t>(time.count()) : 0);
  }
  HistogramCounts counts() const {
    HistogramCounts out;
    for (const std::uint64_t bound : bounds_)
      out.bounds.push_back(static_cast<double>(bound) / scale_);
    for (const Tally& bucket : buckets_) out.buckets.push_back(bucket.get());
    out.sum = static_cast<double>(sum_.get()) / scale_;
    return out;
  }

 private:
  const std::array<std::uint64_t, N>& bounds_;
  double scale_;
  std::array<Tally, N + 1> buckets_;
  Tally sum_;
};

// Durations from what masking an event takes to what a person gives up after, in nanoseconds.
inline constexpr std::array<std::uint64_t, 14> kTimeBounds = {
    10'000,    25'000,    50'000,     100'000,    250'000,     500'000,       1'000'000,
    2'500'000, 5'000'000, 10'000'000, 50'000'000, 250'000'000, 1'000'000'000, 5'000'000'000};

class TimeHistogram : public Histogram<kTimeBounds.size()> {
 public:
  TimeHistogram() : Histogram(kTimeBounds, 1e9) {}
};

}  // namespace veilwire::host
