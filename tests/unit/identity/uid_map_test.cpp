#include "userspace/identity/uid_map.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

TEST(UidMap, OnTheHostEveryIdIsItself) {
  const auto map = parse_uid_map("         0          0 4294967295\n");
  ASSERT_TRUE(map);
  EXPECT_EQ(*map, (std::vector<UidRange>{{0, 0, 4'294'967'295}}));
  EXPECT_EQ(uid_inside(*map, 1000), 1000U);
  EXPECT_EQ(uid_inside(*map, 4'294'967'295), std::nullopt);
}

TEST(UidMap, ARootlessContainersRootIsItsUserAndTheRestComesFromTheirRange) {
  const auto map = parse_uid_map(
      "         0       1000          1\n"
      "         1     100000      65536\n");
  ASSERT_TRUE(map);
  EXPECT_EQ(uid_inside(*map, 1000), 0U);
  EXPECT_EQ(uid_inside(*map, 100'032), 33U);
  EXPECT_EQ(uid_inside(*map, 165'535), 65'536U);
  EXPECT_EQ(uid_inside(*map, 165'536), std::nullopt);
  EXPECT_EQ(uid_inside(*map, 999), std::nullopt);
}

TEST(UidMap, WhatTheKernelDoesNotWriteIsRefused) {
  EXPECT_EQ(parse_uid_map("")->size(), 0U);
  for (const char* bad : {"0 0", "0 0 1", "0 0\n", "0 0 0\n", "0 0 1 1\n", "0 0 1 \n", "\n",
                          "0 -1 1\n", "a 0 1\n", "0 4294967295 2\n", "4294967296 0 1\n"})
    EXPECT_FALSE(parse_uid_map(bad)) << bad;
  std::string many;
  for (int n = 0; n < 340; ++n) many += std::to_string(n) + " 0 1\n";
  EXPECT_TRUE(parse_uid_map(many));
  EXPECT_FALSE(parse_uid_map(many + "340 0 1\n"));
}

}  // namespace
}  // namespace veilwire::identity
