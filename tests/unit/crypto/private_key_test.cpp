#include "userspace/crypto/private_key.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::crypto {
namespace {

TEST(PrivateKey, IsFreshEveryTimeAndOnP256) {
  const PrivateKey a = PrivateKey::generate(), b = PrivateKey::generate();
  EXPECT_NE(a.public_der(), b.public_der());
  EXPECT_EQ(a.public_der().size(), 91U);
  EXPECT_TRUE(is_p256_public_key(a.public_der()));
}

TEST(PrivateKey, SurvivesARoundTripThroughPem) {
  const PrivateKey key = PrivateKey::generate();
  const Secret pem = key.to_pem();
  EXPECT_TRUE(pem.reveal().starts_with("-----BEGIN PRIVATE KEY-----\n"));
  const auto again = PrivateKey::from_pem(pem.reveal());
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->public_der(), key.public_der());
}

TEST(PrivateKey, IsNotReadFromAnythingElse) {
  EXPECT_FALSE(PrivateKey::from_pem({}).has_value());
  for (const char* text :
       {"", "garbage", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"})
    EXPECT_FALSE(PrivateKey::from_pem(text).has_value()) << text;
}

TEST(PublicKey, OfP256IsAcceptedOnlyWholeAndValid) {
  const std::string der = PrivateKey::generate().public_der();
  EXPECT_FALSE(is_p256_public_key(""));
  EXPECT_FALSE(is_p256_public_key(der + "x"));
  for (std::size_t cut = 0; cut < der.size(); ++cut)
    EXPECT_FALSE(is_p256_public_key(std::string_view(der).substr(0, cut))) << cut;
  std::string off_curve = der;
  off_curve.back() = static_cast<char>(off_curve.back() ^ 1);
  EXPECT_FALSE(is_p256_public_key(off_curve));
  EXPECT_FALSE(is_p256_public_key(std::string(4096, '\x30')));
}

}  // namespace
}  // namespace veilwire::crypto
