#include "agent/recorder/packed_text.h"

#include "userspace/audit/record.h"

#include <gtest/gtest.h>

namespace veilwire::recorder {
namespace {

TEST(PackedText, IsShorterAndComesBack) {
  TextPacker packer;
  std::string text;
  for (int i = 0; i < 500; ++i) text += "the words of a conversation " + std::to_string(i) + "\n";
  const auto packed = packer.pack(text);
  ASSERT_TRUE(packed);
  EXPECT_LT(packed->size(), text.size() / 2);
  EXPECT_EQ(unpack_text(*packed), text);
  EXPECT_FALSE(packer.pack("short"));
}

TEST(PackedText, IsNothingElse) {
  TextPacker packer;
  const std::string packed = *packer.pack(std::string(2000, 'x'));
  for (std::size_t size = 0; size < packed.size(); ++size)
    EXPECT_FALSE(unpack_text(packed.substr(0, size))) << size;
  EXPECT_FALSE(unpack_text("no frame of zstd at all"));
  EXPECT_FALSE(unpack_text(*packer.pack(std::string(audit::kRecordBytes + 1, 'x'))));
}

}  // namespace
}  // namespace veilwire::recorder
