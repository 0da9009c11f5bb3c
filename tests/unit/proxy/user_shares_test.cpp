#include "agent/proxy/user_shares.h"

#include <gtest/gtest.h>

namespace veilwire::proxy {
namespace {

TEST(UserShares, OneUserMayHaveSoManyAndOthersTheirs) {
  UserShares shares(2);
  EXPECT_TRUE(shares.take(1000));
  EXPECT_TRUE(shares.take(1000));
  EXPECT_FALSE(shares.take(1000));
  EXPECT_TRUE(shares.take(1001));
  shares.give_back(1000);
  EXPECT_TRUE(shares.take(1000));
  EXPECT_FALSE(shares.take(1000));
}

TEST(UserShares, WhatWasNeverTakenGivesNobodyMore) {
  UserShares shares(1);
  shares.give_back(1000);
  EXPECT_TRUE(shares.take(1000));
  EXPECT_FALSE(shares.take(1000));
}

TEST(UserShares, NobodyHasAnyWhereNoneMayBeHad) {
  UserShares shares(0);
  EXPECT_FALSE(shares.take(1000));
  EXPECT_FALSE(shares.take(1000));
}

}  // namespace
}  // namespace veilwire::proxy
