// Asks this machine's own user database: root is in every one, and 4294967293 in none.
#include "agent/identity/local_source.h"

#include <algorithm>

#include <grp.h>
#include <gtest/gtest.h>
#include <pwd.h>

namespace veilwire::agent_identity {
namespace {

identity::Peer peer(std::uint32_t uid, std::uint32_t loginuid = identity::kUnsetAuditId) {
  identity::Peer p;
  p.uid = uid;
  p.loginuid = loginuid;
  return p;
}

constexpr std::uint32_t kNoSuchUid = 4294967293;

TEST(LocalSource, NamesRootAndTheirPrimaryGroup) {
  LocalSource source;
  const auto person = source.identify(peer(0));
  ASSERT_TRUE(person) << person.error().message;
  EXPECT_EQ(person->name, ::getpwuid(0)->pw_name);
  EXPECT_EQ(person->subject, "0");
  EXPECT_EQ(person->person_class, identity::PersonClass::Service);
  const std::string group = ::getgrgid(::getpwuid(0)->pw_gid)->gr_name;
  EXPECT_NE(std::find(person->groups.begin(), person->groups.end(), group), person->groups.end());
}

TEST(LocalSource, ABufferThatIsFarTooSmallGrows) {
  LocalSource small(1);
  const auto person = small.identify(peer(0, 0));
  ASSERT_TRUE(person) << person.error().message;
  EXPECT_EQ(person->groups, LocalSource().identify(peer(0, 0))->groups);
}

TEST(LocalSource, AUserIdWithoutAnEntryIsRefused) {
  LocalSource source;
  const auto nobody = source.identify(peer(kNoSuchUid));
  ASSERT_FALSE(nobody);
  EXPECT_NE(nobody.error().message.find("4294967293"), std::string::npos);
  EXPECT_FALSE(source.identify(peer(0, kNoSuchUid)));
}

TEST(LocalSource, PeersShareAnAnswerWhenUserAndLoginAreTheSame) {
  const LocalSource source;
  identity::Peer a = peer(1, 2), b = peer(1, 2);
  a.tgid = 10, b.tgid = 20;
  EXPECT_EQ(source.key(a), source.key(b));
  EXPECT_NE(source.key(peer(1, 2)), source.key(peer(1)));
  EXPECT_NE(source.key(peer(1, 2)), source.key(peer(2, 1)));
  EXPECT_NE(source.key(peer(1, 12)), source.key(peer(11, 2)));
}

}  // namespace
}  // namespace veilwire::agent_identity
