#include "agent/host/tally.h"

#include <thread>

#include <gtest/gtest.h>

namespace veilwire::host {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Histogram, AValueOnABoundBelongsBelowIt) {
  TimeHistogram histogram;
  histogram.observe(microseconds(10));
  histogram.observe(microseconds(10) + std::chrono::nanoseconds(1));
  histogram.observe(seconds(6));
  histogram.observe(std::chrono::nanoseconds(-5));  // a clock of another kind
  const HistogramCounts counts = histogram.counts();
  ASSERT_EQ(counts.buckets.size(), counts.bounds.size() + 1);
  EXPECT_EQ(counts.bounds.front(), 10e-6);
  EXPECT_EQ(counts.buckets.front(), 2U);
  EXPECT_EQ(counts.buckets[1], 1U);
  EXPECT_EQ(counts.buckets.back(), 1U);
  EXPECT_NEAR(counts.sum, 6.00002, 1e-6);
}

TEST(Histogram, CountsOfThreadsAddUp) {
  TimeHistogram one, other;
  one.observe(milliseconds(1));
  other.observe(milliseconds(1));
  other.observe(seconds(1));
  HistogramCounts sum;
  sum.add(one.counts());
  sum.add(other.counts());
  EXPECT_NEAR(sum.sum, 1.002, 1e-9);
  std::uint64_t all = 0;
  for (const std::uint64_t n : sum.buckets) all += n;
  EXPECT_EQ(all, 3U);
}

TEST(Histogram, IsSpelledInJson) {
  const std::array<std::uint64_t, 2> bounds = {1, 10};
  Histogram<2> histogram(bounds, 1);
  histogram.observe(std::uint64_t{3});
  EXPECT_EQ(histogram.counts().to_json(), R"({"bounds":[1,10],"buckets":[0,1,0],"sum":3})");
}

TEST(Tally, AReaderSeesWhatTheWriterHasCounted) {
  Tally tally;
  std::thread writer([&] {
    for (int i = 0; i < 100'000; ++i) tally.add();
  });
  std::uint64_t last = 0;
  while (last < 100'000) {
    const std::uint64_t now = tally.get();
    ASSERT_GE(now, last);
    last = now;
  }
  writer.join();
  EXPECT_EQ(tally.get(), 100'000U);
}

}  // namespace
}  // namespace veilwire::host
