#include "userspace/base/secret.h"

#include <type_traits>

#include <gtest/gtest.h>

namespace veilwire {
namespace {

static_assert(!std::is_copy_constructible_v<Secret>);
static_assert(!std::is_copy_assignable_v<Secret>);

TEST(Secret, WipesTheStringItIsMadeFrom) {
  std::string source = "correct horse battery staple";
  const Secret secret(std::move(source));
  EXPECT_TRUE(source.empty());  // NOLINT(bugprone-use-after-move): that it is wiped is the point
  EXPECT_EQ(secret.reveal(), "correct horse battery staple");
}

TEST(Secret, MovingLeavesNothingBehind) {
  Secret a(std::string("0123456789012345678901234567890123456789"));
  const Secret b(std::move(a));
  EXPECT_TRUE(a.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(b.reveal().size(), 40U);
}

TEST(Secret, IsPutTogetherInPieces) {
  SecretBuilder builder;
  std::string whole;
  for (std::size_t size = 0; size < 70; ++size) {
    builder.append(std::string(size, static_cast<char>('0' + size)));
    whole.append(size, static_cast<char>('0' + size));
  }
  EXPECT_EQ(builder.take().reveal(), whole);
  EXPECT_TRUE(builder.empty());
  EXPECT_EQ(builder.append("anew").take().reveal(), "anew");
  EXPECT_EQ(builder.append("as it").append(" grows").reveal(), "as it grows");
  EXPECT_EQ(builder.size(), 11U);
  builder.clear();
  EXPECT_TRUE(builder.empty());
}

TEST(Secret, ComparesInConstantTime) {
  EXPECT_TRUE(equal_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_constant_time("abc", "ab"));
  EXPECT_TRUE(equal_constant_time("", ""));
}

}  // namespace
}  // namespace veilwire
