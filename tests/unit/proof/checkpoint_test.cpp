#include "userspace/proof/checkpoint.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::proof {
namespace {

// The example of C2SP tlog-checkpoint.
const std::string kExample =
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

TEST(Checkpoint, IsReadAndWrittenAsItsSpecificationSays) {
  const auto one = parse_checkpoint(kExample);
  ASSERT_TRUE(one);
  EXPECT_EQ(one->origin, "example.com/behind-the-sofa");
  EXPECT_EQ(one->size, 20852163U);
  EXPECT_EQ(one->root[0], 0x0A);
  EXPECT_EQ(to_text(*one), kExample);
}

TEST(Checkpoint, MayBeEmptyAndSayMore) {
  Checkpoint one{"host", 0, empty_root(), {"time 1", "boot x"}};
  EXPECT_EQ(parse_checkpoint(to_text(one)), one);
  one.size = kMostRecords;
  EXPECT_EQ(parse_checkpoint(to_text(one)), one);
}

TEST(Checkpoint, HasOneForm) {
  const std::string root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
  for (const std::string& bad :
       {std::string(), std::string("a\n"), std::string("a\n1\n"), "a\n1\n" + root.substr(0, 44),
        "\n1\n" + root, "a\n01\n" + root, "a\n+1\n" + root, "a\n-1\n" + root, "a\n 1\n" + root,
        "a\n\n" + root, "a\n1x\n" + root, "a\n99999999999999999999\n" + root,
        "a\n4611686018427387905\n" + root, std::string("a\n1\nAAAA\n"), "a\n1\n" + root + "\n",
        "a\n1\n" + root + "more"}) {
    EXPECT_FALSE(parse_checkpoint(bad)) << bad;
  }
  std::string many = kExample;
  for (std::size_t i = 0; i < kCheckpointExtensions; ++i) many += "x\n";
  EXPECT_TRUE(parse_checkpoint(many));
  EXPECT_FALSE(parse_checkpoint(many + "x\n"));
}

}  // namespace
}  // namespace veilwire::proof
