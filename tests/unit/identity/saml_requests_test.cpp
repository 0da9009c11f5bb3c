#include "userspace/identity/saml_requests.h"

#include "userspace/base/limits.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

using std::chrono::seconds;

constexpr Monotonic kNow{seconds(1000)};
const Binding kLogin{.kind = BindingKind::Login, .uid = 1000, .loginuid = 1000, .audit_session = 3};
const Binding kOther{.kind = BindingKind::Login, .uid = 1001, .loginuid = 1001, .audit_session = 4};

SamlRequest request(std::uint64_t asker, const Binding& binding = kLogin) {
  return {.asker = asker, .binding = binding, .share = binding.uid, .id = "_r"};
}
std::string said(const Result<std::string, SamlRequestFault>& taken) {
  return taken ? *taken : std::string(to_string(taken.error()));
}
std::string words(SamlRequestFault fault) { return std::string(to_string(fault)); }

TEST(SamlRequests, AreAnsweredOnceByWhoBegan) {
  SamlRequests all;
  EXPECT_FALSE(all.add("state", request(7), kNow));
  EXPECT_TRUE(all.waits(kLogin, kNow));
  EXPECT_FALSE(all.waits(kOther, kNow));
  EXPECT_EQ(said(all.take("state", 7, kLogin, kNow)), "_r");
  EXPECT_EQ(said(all.take("state", 7, kLogin, kNow)), words(SamlRequestFault::Unknown));
  EXPECT_FALSE(all.waits(kLogin, kNow));
}

TEST(SamlRequests, AStrangersRelayStateLeavesThemOpen) {
  SamlRequests all;
  EXPECT_FALSE(all.add("state", request(7), kNow));
  for (const char* guess : {"", "stat", "state2"})
    EXPECT_EQ(said(all.take(guess, 7, kLogin, kNow)), words(SamlRequestFault::Unknown));
  EXPECT_EQ(said(all.take("state", 7, kLogin, kNow)), "_r");
}

TEST(SamlRequests, AreOverOnceAnotherBringsTheirResponse) {
  SamlRequests all;
  EXPECT_FALSE(all.add("state", request(7), kNow));
  EXPECT_EQ(said(all.take("state", 8, kOther, kNow)), words(SamlRequestFault::OfAnother));
  EXPECT_EQ(said(all.take("state", 7, kLogin, kNow)), words(SamlRequestFault::Unknown));
  EXPECT_FALSE(all.add("a", request(7), kNow));
  EXPECT_EQ(said(all.take("a", 8, kLogin, kNow)), words(SamlRequestFault::OfAnother));
  EXPECT_FALSE(all.add("b", request(7), kNow));
  EXPECT_EQ(said(all.take("b", 7, kOther, kNow)), words(SamlRequestFault::OfAnother));
}

TEST(SamlRequests, AreForgottenWithWhoBeganAndReplacedByTheNext) {
  SamlRequests all;
  EXPECT_FALSE(all.forget(7));
  EXPECT_FALSE(all.add("first", request(7), kNow));
  EXPECT_FALSE(all.add("second", request(7), kNow));
  EXPECT_EQ(all.size(), 1U);
  EXPECT_EQ(said(all.take("first", 7, kLogin, kNow)), words(SamlRequestFault::Unknown));
  EXPECT_TRUE(all.forget(7));
  EXPECT_EQ(said(all.take("second", 7, kLogin, kNow)), words(SamlRequestFault::Unknown));
}

TEST(SamlRequests, LastForAWhile) {
  SamlRequests all;
  EXPECT_FALSE(all.add("state", request(7), kNow));
  const Monotonic late = kNow + limits::kSamlRequestLife;
  EXPECT_TRUE(all.waits(kLogin, kNow + (limits::kSamlRequestLife - std::chrono::nanoseconds(1))));
  EXPECT_FALSE(all.waits(kLogin, late));
  EXPECT_EQ(said(all.take("state", 7, kLogin, late)), words(SamlRequestFault::TooLate));
  EXPECT_EQ(all.size(), 0U);
}

TEST(SamlRequests, OfOneUserLeaveRoomForOthers) {
  SamlRequests all;
  std::uint64_t asker = 0;
  for (; asker < limits::kSamlRequestsOfUser; ++asker)
    EXPECT_FALSE(all.add(std::to_string(asker), request(asker), kNow));
  EXPECT_EQ(all.add("more", request(asker), kNow), SamlRequestFault::TooManyOfUser);
  EXPECT_FALSE(all.add("of another", request(asker + 1, kOther), kNow));
  // Those that nobody can answer any more take no room.
  EXPECT_FALSE(all.add("more", request(asker), kNow + limits::kSamlRequestLife));
  EXPECT_EQ(all.size(), 1U);
}

TEST(SamlRequests, OfAllHaveABound) {
  SamlRequests all;
  Binding binding = kLogin;
  for (std::uint64_t i = 0; i < limits::kSamlRequests; ++i) {
    binding.uid = static_cast<std::uint32_t>(i);
    EXPECT_FALSE(all.add(std::to_string(i), request(i, binding), kNow));
  }
  EXPECT_EQ(all.add("more", request(limits::kSamlRequests, kLogin), kNow),
            SamlRequestFault::TooMany);
  EXPECT_EQ(all.size(), limits::kSamlRequests);
}

}  // namespace
}  // namespace veilwire::identity
