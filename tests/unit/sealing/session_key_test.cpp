#include "userspace/sealing/session_key.h"

#include "tests/unit/sealing/body_oracle.h"

#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::sealing {
namespace {

using namespace testing;

static_assert(!std::is_copy_constructible_v<SessionKey>);
static_assert(!std::is_copy_assignable_v<SessionKey>);

const std::string kBytes = "0123456789abcdef0123456789ABCDEF";
SessionKey key() { return *SessionKey::from_bytes(Secret(std::string(kBytes))); }

TEST(SessionKey, IsItsBytesAtTheirLength) {
  EXPECT_EQ(key().bytes().reveal(), kBytes);
  EXPECT_FALSE(SessionKey::from_bytes(Secret(kBytes.substr(1))));
  EXPECT_FALSE(SessionKey::from_bytes(Secret(kBytes + "0")));
  EXPECT_FALSE(SessionKey::from_bytes(Secret()));
}

TEST(SessionKey, IsDrawnAnewForEachSession) {
  const crypto::RandomSource random = crypto::system_random();
  EXPECT_NE(SessionKey::generate(random).bytes().reveal(),
            SessionKey::generate(random).bytes().reveal());
}

TEST(SessionKey, NamesAndDerivesAsTheFormatSays) {
  EXPECT_EQ(key().id(), oracle_hkdf(kBytes, "veilwire original key id v1"));
  for (const BodyIdentity& body :
       {BodyIdentity{}, BodyIdentity{"host", "writer", "session", 7, BodyDirection::Request},
        BodyIdentity{"host", "writer", "session", 0x0123456789abcdef, BodyDirection::Response},
        BodyIdentity{std::string(300, 'h'), "", "s", 1, BodyDirection::Request}})
    EXPECT_EQ(key().body_key(body).reveal(), oracle_body_key(kBytes, body));
}

TEST(SessionKey, EachBodyHasAKeyOfItsOwn) {
  const std::vector<BodyIdentity> bodies = {
      {"h", "w", "s", 1, BodyDirection::Request}, {"h", "w", "s", 1, BodyDirection::Response},
      {"h", "w", "s", 2, BodyDirection::Request}, {"h", "w", "t", 1, BodyDirection::Request},
      {"h", "x", "s", 1, BodyDirection::Request}, {"i", "w", "s", 1, BodyDirection::Request},
      {"hw", "", "s", 1, BodyDirection::Request}, {"", "hw", "s", 1, BodyDirection::Request},
  };
  std::set<std::string> keys = {kBytes, key().id()};
  for (const BodyIdentity& body : bodies) keys.insert(std::string(key().body_key(body).reveal()));
  EXPECT_EQ(keys.size(), bodies.size() + 2);
}

}  // namespace
}  // namespace veilwire::sealing
