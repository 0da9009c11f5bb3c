// Against the same question asked of one character after the other.
#include "userspace/masking/base64_scan.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace veilwire::masking {
namespace {

bool of_base64(char c) {
  return std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")
             .find(c) != std::string_view::npos;
}

TEST(Base64Scan, KnowsItsCharactersWhereverTheyStand) {
  for (int c = 0; c < 256; ++c) {
    const char character = static_cast<char>(c);
    EXPECT_EQ(is_base64(character), of_base64(character));
    for (std::size_t size = 1; size <= kBase64Window; ++size) {
      for (std::size_t at = 0; at < size; ++at) {
        std::string text(size, '.');
        text[at] = character;
        ASSERT_EQ(base64_mask(text), std::uint64_t{of_base64(character)} << at)
            << c << " at " << at << " of " << size;
      }
    }
  }
}

TEST(Base64Scan, KnowsThemAmongAnyOthers) {
  std::mt19937 random(1);
  for (int round = 0; round < 100000; ++round) {
    std::string text(random() % (kBase64Window + 1), ' ');
    std::uint64_t mask = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      text[i] = static_cast<char>(random());
      mask |= std::uint64_t{of_base64(text[i])} << i;
    }
    ASSERT_EQ(base64_mask(text), mask) << text;
  }
}

}  // namespace
}  // namespace veilwire::masking
