#include "userspace/identity/local.h"

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

const Account kAlice{1000, "alice", {"staff", "alice", "developers", "staff"}};
const Account kBob{1001, "bob", {"bob", "contractors"}};
const Account kRoot{0, "root", {"root", "wheel"}};
const Monotonic kUntil{std::chrono::seconds(90)};

Peer peer(std::uint32_t uid, std::uint32_t loginuid) {
  Peer p;
  p.uid = uid;
  p.loginuid = loginuid;
  return p;
}

TEST(LocalPerson, SomebodyWhoLoggedInIsAHumanWithTheirGroups) {
  const auto person = local_person(peer(1000, 1000), &kAlice, &kAlice, kUntil);
  ASSERT_TRUE(person) << person.error().message;
  EXPECT_EQ(person->issuer, "local");
  EXPECT_EQ(person->method, "local");
  EXPECT_EQ(person->subject, "1000");
  EXPECT_EQ(person->name, "alice");
  EXPECT_EQ(person->groups, (std::vector<std::string>{"alice", "developers", "staff"}));
  EXPECT_EQ(person->person_class, PersonClass::Human);
  EXPECT_EQ(person->valid_until, kUntil);
}

TEST(LocalPerson, WhoBecameAnotherUserStaysAccountableAndShowsBoth) {
  const auto person = local_person(peer(0, 1001), &kRoot, &kBob, kUntil);
  ASSERT_TRUE(person) << person.error().message;
  EXPECT_EQ(person->person_class, PersonClass::Derived);
  EXPECT_EQ(person->subject, "1001");
  EXPECT_EQ(display_name(*person), "bob as root");
  EXPECT_EQ(person->groups, (std::vector<std::string>{"bob", "contractors"}));
  EXPECT_EQ(accountable_uid(peer(0, 1001)), 1001U);
}

TEST(LocalPerson, AProcessThatNobodyLoggedInForIsAService) {
  const auto person = local_person(peer(0, kUnsetAuditId), &kRoot, nullptr, kUntil);
  ASSERT_TRUE(person) << person.error().message;
  EXPECT_EQ(person->person_class, PersonClass::Service);
  EXPECT_EQ(person->subject, "0");
  EXPECT_EQ(person->name, "root");
  EXPECT_EQ(accountable_uid(peer(7, kUnsetAuditId)), 7U);
}

TEST(LocalPerson, AUserIdThatTheDatabaseDoesNotKnowIsRefusedByNumber) {
  const auto unknown = local_person(peer(4242, kUnsetAuditId), nullptr, nullptr, kUntil);
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("4242"), std::string::npos);
  // A container's root, mapped to a user id that no account has, started by somebody who is known.
  const auto mapped = local_person(peer(100000, 1000), nullptr, &kAlice, kUntil);
  ASSERT_FALSE(mapped);
  EXPECT_NE(mapped.error().message.find("100000"), std::string::npos);
  const auto login = local_person(peer(0, 4243), &kRoot, nullptr, kUntil);
  ASSERT_FALSE(login);
  EXPECT_NE(login.error().message.find("4243"), std::string::npos);
}

TEST(LocalPerson, NamesThatWouldForgeALineAreRefusedOrLeftOut) {
  const Account forged{1002, "eve\nalice", {"staff"}};
  EXPECT_FALSE(local_person(peer(1002, 1002), &forged, &forged, kUntil));
  const Account nameless{1003, "", {"staff"}};
  EXPECT_FALSE(local_person(peer(1003, kUnsetAuditId), &nameless, nullptr, kUntil));
  const Account groups{1004, "dan", {"staff", "a\x1b[2J", ""}};
  const auto person = local_person(peer(1004, 1004), &groups, &groups, kUntil);
  ASSERT_TRUE(person);
  EXPECT_EQ(person->groups, (std::vector<std::string>{"staff"}));
}

TEST(PersonClass, EveryClassHasAName) {
  EXPECT_EQ(to_string(PersonClass::Human), "human");
  EXPECT_EQ(to_string(PersonClass::Derived), "derived");
  EXPECT_EQ(to_string(PersonClass::Service), "service");
  EXPECT_EQ(to_string(PersonClass::Ci), "ci");
}

}  // namespace
}  // namespace veilwire::identity
