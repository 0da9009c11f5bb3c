#include "userspace/identity/session.h"

#include "userspace/base/limits.h"

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr SessionTimes kTimes{seconds(90), seconds(900), seconds(43'200), seconds(3'600)};

Now at(seconds mono, seconds wall) { return {{mono}, {seconds(1'800'000'000) + wall}}; }
Now at(seconds both) { return at(both, both); }

Session session() {
  Session s;
  s.person = {.issuer = "https://idp.example",
              .subject = "248289761001",
              .name = "alice",
              .groups = {"developers", "staff"},
              .person_class = PersonClass::Human,
              .method = "pkce",
              .valid_until = {}};
  s.issued_at = at(seconds(0)).wall;
  s.expires_at = at(seconds(3'600)).wall;
  s.ends_at = at(seconds(3'600)).mono;
  s.latest = at(seconds(43'200));
  s.checked_at = at(seconds(0));
  return s;
}

TEST(Session, ItIsFreshThenCachedThenStaleAsTheIdpStaysSilent) {
  const Session s = session();
  EXPECT_EQ(standing_of(s, kTimes, at(seconds(0))), Standing::Fresh);
  EXPECT_EQ(standing_of(s, kTimes, at(seconds(89))), Standing::Fresh);
  EXPECT_EQ(standing_of(s, kTimes, at(seconds(90))), Standing::Cached);
  EXPECT_EQ(standing_of(s, kTimes, at(seconds(899))), Standing::Cached);
  EXPECT_EQ(standing_of(s, kTimes, at(seconds(900))), Standing::Stale);
  EXPECT_EQ(standing_of(s, kTimes, at(seconds(3'600))), Standing::Expired);
  EXPECT_EQ(age_of(s, at(seconds(100))), seconds(100));
  EXPECT_TRUE(stands(Standing::Stale));
  EXPECT_FALSE(stands(Standing::Expired));
}

TEST(Session, ATokenThatNobodyCanBeAskedAboutIsFreshUntilItExpires) {
  Session s = session();
  s.self_contained = true;
  EXPECT_EQ(standing_of(s, kTimes, at(seconds(3'599))), Standing::Fresh);
  EXPECT_EQ(standing_of(s, kTimes, at(seconds(3'600))), Standing::Expired);
}

TEST(Session, AWallClockThatIsSetBackProlongsNothing) {
  const Session s = session();
  EXPECT_EQ(standing_of(s, kTimes, at(seconds(100), seconds(-86'400))), Standing::Cached);
  EXPECT_EQ(standing_of(s, kTimes, at(seconds(3'600), seconds(-86'400))), Standing::Expired);
}

TEST(Session, SleepOfTheMachineCountsThoughTheMonotonicClockStoodStill) {
  const Session s = session();
  EXPECT_EQ(standing_of(s, kTimes, at(seconds(10), seconds(600))), Standing::Cached);
  EXPECT_EQ(standing_of(s, kTimes, at(seconds(10), seconds(3'600))), Standing::Expired);
}

TEST(Session, ACheckInTheFutureIsNone) {
  Session s = session();
  s.checked_at = at(seconds(50));
  EXPECT_EQ(standing_of(s, kTimes, at(seconds(49))), Standing::Stale);
}

TEST(Session, AnEndIsFinalAndSaysWhy) {
  Session s = session();
  const auto ended = [&](SessionEnd end) {
    s.end = end;
    return standing_of(s, kTimes, at(seconds(1)));
  };
  EXPECT_EQ(ended(SessionEnd::Expired), Standing::Expired);
  EXPECT_EQ(ended(SessionEnd::SignedOut), Standing::SignedOut);
  EXPECT_EQ(ended(SessionEnd::RevokedByIdp), Standing::Revoked);
  EXPECT_EQ(ended(SessionEnd::RevokedByOperator), Standing::Revoked);
  EXPECT_EQ(ended(SessionEnd::GroupsUnusable), Standing::Revoked);
}

TEST(Session, AnAnswerIsKeptNoLongerThanItIsTrue) {
  Session s = session();
  const auto kept = [&](seconds now) { return good_until(s, kTimes, at(now)) - at(now).mono; };
  EXPECT_EQ(kept(seconds(0)), seconds(90));
  EXPECT_EQ(kept(seconds(60)), seconds(30));
  EXPECT_EQ(kept(seconds(100)), seconds(90));  // cached, asked about again soon
  EXPECT_EQ(kept(seconds(850)), seconds(50));
  EXPECT_EQ(kept(seconds(900)), seconds(90));  // stale: no longer, so that it is asked about
  s.checked_at = at(seconds(3'590));
  EXPECT_EQ(kept(seconds(3'590)), seconds(10));
  EXPECT_EQ(kept(seconds(3'600)), seconds(0));
  s.self_contained = true;
  EXPECT_EQ(kept(seconds(1'000)), seconds(90));
  EXPECT_EQ(kept(seconds(3'580)), seconds(20));
}

TEST(Session, OneThatCannotBePutOnRecordIsNotWellFormed) {
  EXPECT_TRUE(is_well_formed(session()));
  const auto changed = [](auto change) {
    Session s = session();
    change(s);
    return is_well_formed(s);
  };
  EXPECT_FALSE(changed([](Session& s) { s.person.issuer.clear(); }));
  EXPECT_FALSE(changed([](Session& s) { s.person.subject.clear(); }));
  EXPECT_FALSE(changed([](Session& s) { s.person.name = "a\nb"; }));
  EXPECT_FALSE(changed([](Session& s) { s.person.method.clear(); }));
  EXPECT_FALSE(changed([](Session& s) { s.person.person_class = PersonClass::Derived; }));
  EXPECT_FALSE(changed([](Session& s) { s.person.groups = {"b", "a"}; }));
  EXPECT_FALSE(changed([](Session& s) { s.person.groups = {"a", "a"}; }));
  EXPECT_FALSE(changed([](Session& s) { s.person.groups = {""}; }));
  EXPECT_FALSE(changed([](Session& s) { s.idp_session = std::string(1025, 's'); }));
  EXPECT_FALSE(changed([](Session& s) { s.token = "\x01"; }));
  EXPECT_FALSE(changed([](Session& s) { s.sealed = std::string(limits::kSession, 's'); }));
  EXPECT_FALSE(changed([](Session& s) { s.issued_at = {nanoseconds(-1)}; }));
  EXPECT_FALSE(changed([](Session& s) { s.ended_at = {nanoseconds(1)}; }));
  EXPECT_FALSE(changed([](Session& s) {
    s.end = SessionEnd::SignedOut;
    s.sealed = "tokens";
  }));
}

}  // namespace
}  // namespace veilwire::identity
