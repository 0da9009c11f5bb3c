// Against the same questions asked of one character after the other.
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

std::size_t prefix(std::string_view text) {
  std::size_t size = 0;
  while (size < text.size() && of_base64(text[size])) ++size;
  return size;
}

std::size_t next(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = prefix(text.substr(at));
    if (size >= kShortestBase64 || (size > 0 && at + size == text.size())) return at;
    at += size + 1;
  }
  return text.size();
}

TEST(Base64Scan, KnowsItsCharacters) {
  for (int c = 0; c < 256; ++c) {
    const char character = static_cast<char>(c);
    EXPECT_EQ(is_base64(character), of_base64(character));
    for (std::size_t size = 1; size < 70; ++size) {
      for (const std::size_t at : {std::size_t{0}, size / 2, size - 1}) {
        std::string text(size, 'x');
        text[at] = character;
        ASSERT_EQ(base64_prefix(text), of_base64(character) ? size : at) << c << " at " << at;
      }
    }
  }
}

TEST(Base64Scan, FindsTheRunsOfAnyText) {
  std::mt19937 random(1);
  for (int round = 0; round < 200000; ++round) {
    // Runs of every length around those that matter.
    std::string text;
    const std::size_t size = random() % 260;
    while (text.size() < size) {
      text.append(random() % 3 == 0 ? random() % 140 : random() % 20, 'q');
      if (random() % 8 != 0) text += " .\n\"\x80"[random() % 5];
    }
    text.resize(size);
    ASSERT_EQ(next_base64(text), next(text)) << text;
    ASSERT_EQ(base64_prefix(text), prefix(text)) << text;
  }
}

}  // namespace
}  // namespace veilwire::masking
