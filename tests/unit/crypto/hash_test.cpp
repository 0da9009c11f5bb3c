// Vectors of FIPS 180-4 and RFC 4231.
#include "userspace/crypto/hash.h"

#include "userspace/crypto/encoding.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::crypto {
namespace {

TEST(Sha256, GivesTheDigestsOfTheStandard) {
  EXPECT_EQ(hex_encode(sha256("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex_encode(sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex_encode(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256, OfPiecesEqualsThatOfTheWhole) {
  const std::string text = "the quick brown fox jumps over the lazy dog, twice over the same dog";
  Sha256 hash;
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    hash.update(std::string_view(text).substr(0, cut));
    hash.update(std::string_view(text).substr(cut));
    EXPECT_EQ(hash.finish(), sha256(text)) << cut;
  }
}

TEST(Sha256, StartsAnewAfterItsDigestWasTaken) {
  Sha256 hash;
  hash.update("something");
  (void)hash.finish();
  EXPECT_EQ(hash.finish(), sha256(""));
}

TEST(Sha256, GoesOnAfterAMove) {
  Sha256 a;
  a.update("ab");
  Sha256 b(std::move(a));
  b.update("c");
  EXPECT_EQ(b.finish(), sha256("abc"));
}

TEST(Hmac, GivesTheDigestsOfRfc4231) {
  EXPECT_EQ(hex_encode(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex_encode(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex_encode(hmac_sha256(std::string(131, '\xaa'),
                                   "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hmac, OfAnEmptyKeyDoesNotReuseAnotherKey) {
  const Digest empty = hmac_sha256("", "text");
  (void)hmac_sha256("another key", "text");
  EXPECT_EQ(hmac_sha256({}, "text"), empty);
  EXPECT_NE(hmac_sha256("another key", "text"), empty);
  EXPECT_EQ(hex_encode(hmac_sha256("", "")),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

}  // namespace
}  // namespace veilwire::crypto
