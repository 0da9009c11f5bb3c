#include "userspace/base/ascii.h"

#include <gtest/gtest.h>

namespace veilwire {
namespace {

TEST(Ascii, LowersTheTwentySixLettersAndNoOtherByte) {
  int lowered = 0;
  for (int byte = -128; byte < 128; ++byte) {
    const char c = static_cast<char>(byte);
    if (c >= 'A' && c <= 'Z') {
      EXPECT_EQ(to_lower(c), "abcdefghijklmnopqrstuvwxyz"[lowered++]);
    } else {
      EXPECT_EQ(to_lower(c), c);
    }
  }
  EXPECT_EQ(lowered, 26);
}

TEST(Ascii, LowersTextAndKeepsWhatIsNotAscii) {
  EXPECT_EQ(to_lower("X-Api-Key: [\\]^_`{|}~@"), "x-api-key: [\\]^_`{|}~@");
  EXPECT_EQ(to_lower("\xc3\x84 \xe2\x84\xaa"), "\xc3\x84 \xe2\x84\xaa");  // a Kelvin sign is no k
  EXPECT_EQ(to_lower(std::string_view("A\0B", 3)), std::string_view("a\0b", 3));
}

TEST(Ascii, ComparesLettersOfEitherCaseAsOneAndLengthsToo) {
  EXPECT_TRUE(equal_ignoring_case("Content-TYPE", "content-type"));
  EXPECT_TRUE(equal_ignoring_case("", ""));
  EXPECT_FALSE(equal_ignoring_case("a", "ab"));
  EXPECT_FALSE(equal_ignoring_case("ab", "a"));
  EXPECT_FALSE(equal_ignoring_case("@[", "`{"));  // neighbours of the letters
  EXPECT_FALSE(equal_ignoring_case("\xc4", "\xe4"));
}

}  // namespace
}  // namespace veilwire
