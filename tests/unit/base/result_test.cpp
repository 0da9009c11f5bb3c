#include "userspace/base/result.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace veilwire {
namespace {

enum class Error { Odd };

Result<int, Error> half(int n) {
  if (n % 2 != 0) return Unexpected{Error::Odd};
  return n / 2;
}

TEST(Result, HoldsTheValueOrTheError) {
  EXPECT_EQ(*half(4), 2);
  ASSERT_FALSE(half(3));
  EXPECT_EQ(half(3).error(), Error::Odd);
}

TEST(Result, MovesAValueThatCannotBeCopied) {
  Result<std::unique_ptr<int>, Error> r(std::make_unique<int>(7));
  const std::unique_ptr<int> taken = std::move(r).value();
  EXPECT_EQ(*taken, 7);
}

TEST(Result, OfVoidIsSuccessByDefault) {
  const Result<void, Error> ok;
  EXPECT_TRUE(ok);
  const Result<void, Error> bad = Unexpected{Error::Odd};
  EXPECT_FALSE(bad);
}

TEST(ResultDeathTest, ReadingTheWrongSideStopsTheProcess) {
  EXPECT_DEATH((void)half(3).value(), "");
  EXPECT_DEATH((void)half(4).error(), "");
}

}  // namespace
}  // namespace veilwire
