// The stand-in for glibc's function, which programs are linked with and tests are, too.
#include <cstdlib>
#include <random>
#include <set>

#include <gtest/gtest.h>

namespace {

TEST(Arc4random, ItsValuesDifferAndAreWhatARandomDeviceGives) {
  std::set<unsigned> values;
  std::random_device device;
  for (int i = 0; i < 100; ++i) {
    values.insert(::arc4random());
    values.insert(device());
  }
  // Two of 200 are the same once in 200,000 runs; four are never.
  EXPECT_GE(values.size(), 198u);
}

}  // namespace
