#include "agent/identity/wiping_heap.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <unistd.h>

namespace veilwire::agent_identity {
namespace {

const bool kBeforeOpenssl = (use_wiping_heap(), true);

using Address = std::uintptr_t;  // of what may be no more
Address address_of(const void* where) { return reinterpret_cast<Address>(where); }

// What lies there now, as another who looks into the process sees it. Not on the heap, where it
// might take the place that it is to look at.
std::string_view at(Address where, std::size_t size) {
  static std::array<char, 64 * 1024> bytes;
  const int fd = ::open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  const ssize_t n =
      ::pread(fd, bytes.data(), std::min(size, bytes.size()), static_cast<off_t>(where));
  ::close(fd);
  return {bytes.data(), n < 0 ? 0 : static_cast<std::size_t>(n)};
}

// The heap writes its own marks into the begin of what is free.
constexpr std::size_t kMarks = 32;
bool is_wiped(Address begin, std::size_t size) {
  const std::string_view bytes = at(begin + kMarks, size - kMarks);
  return bytes.size() == size - kMarks && bytes.find_first_not_of('\0') == std::string_view::npos;
}

TEST(WipingHeap, AStringThatIsFreedIsWiped) {
  for (const std::size_t size : {100U, 1'000U, 60'000U}) {
    auto text = std::make_unique<std::string>(size, 's');
    const Address begin = address_of(text->data());
    ASSERT_EQ(at(begin, 4), "ssss");
    text.reset();
    EXPECT_TRUE(is_wiped(begin, size)) << size;
  }
}

TEST(WipingHeap, AStringThatGrowsLeavesNothingBehind) {
  std::string text(100, 's');
  const Address begin = address_of(text.data());
  text.append(10'000, 's');
  ASSERT_NE(address_of(text.data()), begin);
  EXPECT_TRUE(is_wiped(begin, 100));
}

struct alignas(64) Aligned {
  char bytes[256];
};

TEST(WipingHeap, SoIsWhatIsAlignedAndWhatIsInArrays) {
  auto* const one = new Aligned;
  std::fill(std::begin(one->bytes), std::end(one->bytes), 's');
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(one) % 64, 0U);
  const Address first = address_of(one);
  delete one;
  EXPECT_TRUE(is_wiped(first, sizeof(Aligned)));
  auto* const many = new char[500];
  std::fill(many, many + 500, 's');
  const Address second = address_of(many);
  delete[] many;
  EXPECT_TRUE(is_wiped(second, 500));
}

TEST(WipingHeap, SoIsWhatOpensslFreesOrOutgrows) {
  ASSERT_TRUE(kBeforeOpenssl);
  auto* const bytes = static_cast<char*>(OPENSSL_malloc(200));
  const Address before = address_of(bytes);
  std::fill(bytes, bytes + 200, 's');
  auto* const larger = static_cast<char*>(OPENSSL_realloc(bytes, 50'000));
  const Address after = address_of(larger);
  ASSERT_NE(before, after);
  EXPECT_EQ(at(after, 200), std::string(200, 's'));
  EXPECT_TRUE(is_wiped(before, 200));
  std::fill(larger, larger + 50'000, 's');
  OPENSSL_free(larger);
  EXPECT_TRUE(is_wiped(after, 50'000));
}

TEST(WipingHeap, WhatCannotBeHadIsSaid) {
  const std::size_t too_much = SIZE_MAX / 2;
  EXPECT_THROW((void)::operator new(too_much), std::bad_alloc);
  EXPECT_EQ(::operator new(too_much, std::nothrow), nullptr);
}

}  // namespace
}  // namespace veilwire::agent_identity
