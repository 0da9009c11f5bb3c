#include "userspace/identity/session_care.h"

#include <set>

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

using std::chrono::seconds;

Monotonic at(int second) { return {seconds(second)}; }
Binding login(std::uint32_t session) { return {BindingKind::Login, 1000, 1000, session, 0}; }
constexpr Caring kChecked{.check = Care::Introspect, .refresh_at = std::nullopt};
using Due = std::vector<std::pair<Binding, Care>>;

TEST(SessionCare, ASessionInUseIsCheckedEveryMinute) {
  SessionCare care;
  care.keep(login(1), kChecked, at(0), 0);
  care.used(login(1), at(1));
  EXPECT_EQ(care.take_due(at(59)), Due{});
  EXPECT_EQ(care.next(), at(60));
  EXPECT_EQ(care.take_due(at(60)), (Due{{login(1), Care::Introspect}}));
  EXPECT_TRUE(care.under_way(login(1)));
  EXPECT_EQ(care.under_way(), 1U);
  EXPECT_EQ(care.take_due(at(61)), Due{});
  care.keep(login(1), kChecked, at(61), 0);
  EXPECT_FALSE(care.under_way(login(1)));
  EXPECT_EQ(care.under_way(), 0U);
  EXPECT_EQ(care.take_due(at(120)), Due{});
  EXPECT_EQ(care.next(), at(121));
}

TEST(SessionCare, OneThatNobodyUsesIsLeftAlone) {
  SessionCare care;
  care.keep(login(1), {Care::Introspect, at(10)}, at(0), 0);
  EXPECT_EQ(care.take_due(at(1000)), Due{});
  EXPECT_EQ(care.next(), std::nullopt);
  care.used(login(1), at(1000));  // at once: the last word is an old one
  ASSERT_TRUE(care.next());
  EXPECT_LE(*care.next(), at(1000));
  EXPECT_EQ(care.take_due(at(1000)), (Due{{login(1), Care::Refresh}}));
  care.keep(login(1), kChecked, at(1000), 0);
  EXPECT_EQ(care.take_due(at(1180)), Due{});  // used too long ago
}

TEST(SessionCare, TokensAreRefreshedAheadOfTheirEnd) {
  SessionCare care;
  care.keep(login(1), {Care::Introspect, at(50)}, at(0), 0);
  care.used(login(1), at(1));
  EXPECT_EQ(care.take_due(at(49)), Due{});
  EXPECT_EQ(care.take_due(at(50)), (Due{{login(1), Care::Refresh}}));
}

TEST(SessionCare, WhereRefreshingIsTheCheckItIsMadeEveryMinute) {
  SessionCare care;
  care.keep(login(1), {Care::Refresh, at(200)}, at(0), 0);
  care.used(login(1), at(1));
  EXPECT_EQ(care.take_due(at(60)), (Due{{login(1), Care::Refresh}}));
}

TEST(SessionCare, WhatCannotBeAskedIsNotAsked) {
  SessionCare care;
  care.keep(login(1), {}, at(0), 0);
  care.used(login(1), at(1));
  EXPECT_EQ(care.take_due(at(100)), Due{});
  EXPECT_EQ(care.next(), std::nullopt);
}

TEST(SessionCare, SessionsOfOneMomentAreSpreadAndAFewAtATime) {
  SessionCare care;
  for (std::uint32_t n = 0; n < 100; ++n) {
    care.keep(login(n), kChecked, at(0), n * 40'503'007U);
    care.used(login(n), at(1));
  }
  EXPECT_EQ(care.take_due(at(44)), Due{});
  std::set<Binding> first;
  for (const auto& [binding, what] : care.take_due(at(60))) first.insert(binding);
  EXPECT_EQ(first.size(), CareSettings{}.at_once);
  EXPECT_EQ(care.take_due(at(60)), Due{});
  care.keep(*first.begin(), kChecked, at(60), 0);
  const auto more = care.take_due(at(60));
  ASSERT_EQ(more.size(), 1U);
  EXPECT_FALSE(first.contains(more.front().first));
}

TEST(SessionCare, AnIdpThatFailsIsAskedByOneSessionAtATime) {
  SessionCare care;
  for (std::uint32_t n = 0; n < 20; ++n) {
    care.keep(login(n), kChecked, at(0), 0);
    care.used(login(n), at(1));
  }
  const auto first = care.take_due(at(60));
  ASSERT_EQ(first.size(), 8U);
  for (const auto& [binding, what] : first) care.failed(binding, seconds(4), at(61));
  EXPECT_EQ(care.failures(), 8U);
  EXPECT_EQ(care.take_due(at(64)), Due{});
  EXPECT_EQ(care.next(), at(65));
  const auto probe = care.take_due(at(65));
  ASSERT_EQ(probe.size(), 1U);
  // Another than has failed: of one session alone the answer may be what is broken.
  for (const auto& [binding, what] : first) EXPECT_NE(binding, probe.front().first);
  EXPECT_EQ(care.take_due(at(65)), Due{});
  care.keep(probe.front().first, kChecked, at(65), 0);
  EXPECT_EQ(care.failures(), 0U);
  EXPECT_EQ(care.take_due(at(65)).size(), 8U);
}

TEST(SessionCare, WhatIsDroppedIsForgottenAlsoUnderWay) {
  SessionCare care({.at_once = 1});
  for (std::uint32_t n = 0; n < 2; ++n) {
    care.keep(login(n), kChecked, at(0), 0);
    care.used(login(n), at(1));
  }
  const auto first = care.take_due(at(60));
  ASSERT_EQ(first.size(), 1U);
  care.drop(first.front().first);
  care.failed(first.front().first, seconds(1), at(60));
  EXPECT_EQ(care.failures(), 0U);
  EXPECT_EQ(care.take_due(at(60)).size(), 1U);
}

}  // namespace
}  // namespace veilwire::identity
