#include "userspace/projection/protobuf.h"

#include <gtest/gtest.h>

namespace veilwire::projection::protobuf {
namespace {

TEST(Protobuf, ReadsWhatItWrites) {
  for (const std::uint64_t value :
       {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128}, std::uint64_t{300}, UINT64_MAX}) {
    std::string bytes;
    put_varint_field(bytes, 1, value);
    put_fixed64(bytes, 2, value);
    put_bytes(bytes, 16, "abc");
    std::string_view rest = bytes;
    const auto first = take_field(rest);
    const auto second = take_field(rest);
    const auto third = take_field(rest);
    ASSERT_TRUE(first && second && third);
    EXPECT_EQ(first->number, 1U);
    EXPECT_EQ(first->value, value);
    EXPECT_EQ(second->value, value);
    EXPECT_EQ(third->number, 16U);
    EXPECT_EQ(third->bytes, "abc");
    EXPECT_TRUE(rest.empty());
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      std::string_view cut = std::string_view(bytes).substr(0, n);
      while (!cut.empty() && take_field(cut)) {
      }
    }
  }
}

TEST(Protobuf, RefusesWhatIsNoField) {
  using namespace std::string_view_literals;
  for (const std::string_view bytes :
       {""sv, "\x08"sv, "\x08\x80"sv, "\x00\x01"sv, "\x0b\x01"sv, "\x0c"sv, "\x0e"sv, "\x0f"sv,
        "\x0a\x05"
        "abcd"sv,
        "\x09\x01"sv, "\x0d\x01"sv, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"sv,
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv,
        "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv}) {
    std::string_view rest = bytes;
    EXPECT_FALSE(take_field(rest));
  }
}

TEST(Protobuf, SizesAreWhatIsWritten) {
  for (const std::size_t length : {0U, 1U, 127U, 128U, 16383U, 16384U, 3'000'000U}) {
    std::string bytes;
    put_bytes(bytes, 15, std::string(length, 'x'));
    EXPECT_EQ(size_of_bytes(length), bytes.size());
  }
}

}  // namespace
}  // namespace veilwire::projection::protobuf
