#include "userspace/crypto/random.h"

#include <vector>

#include <gtest/gtest.h>

namespace veilwire::crypto {
namespace {

TEST(SystemRandom, FillsTheWholeSpanAndNeverRepeats) {
  const RandomSource random = system_random();
  const std::string a = random_bytes(random, 32), b = random_bytes(random, 32);
  EXPECT_EQ(a.size(), 32U);
  EXPECT_NE(a, b);
  EXPECT_NE(a, std::string(32, '\0'));
  EXPECT_EQ(random_bytes(random, 0), "");
  const std::string big = random_bytes(random, (1U << 20) + 64);
  EXPECT_NE(big.substr(1U << 20), std::string(64, '\0'));
}

TEST(RandomSource, CanBeChosenByATest) {
  const RandomSource seven = [](std::span<std::uint8_t> out) {
    for (auto& octet : out) octet = 7;
  };
  EXPECT_EQ(random_bytes(seven, 3), "\x07\x07\x07");
}

}  // namespace
}  // namespace veilwire::crypto
