#include "userspace/crypto/private_key.h"

#include "userspace/crypto/owned.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

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

using OwnedKey = Owned<EVP_PKEY, EVP_PKEY_free>;

PrivateKey private_key(EVP_PKEY* key) {
  const Owned<BIO, BIO_free_all> bio(BIO_new(BIO_s_mem()));
  EXPECT_EQ(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr),
            1);
  std::string pem(BIO_ctrl_pending(bio.get()), '\0');
  EXPECT_GT(BIO_read(bio.get(), pem.data(), static_cast<int>(pem.size())), 0);
  return PrivateKey::from_pem(pem).value();
}

std::string number_of(EVP_PKEY* key, const char* name) {
  BIGNUM* read = nullptr;
  EXPECT_EQ(EVP_PKEY_get_bn_param(key, name, &read), 1);
  const Owned<BIGNUM, BN_free> number(read);
  std::string bytes(static_cast<std::size_t>(BN_num_bytes(number.get())), '\0');
  BN_bn2bin(number.get(), reinterpret_cast<unsigned char*>(bytes.data()));
  return bytes;
}

std::string padded(const std::string& bytes, std::size_t size) {
  return std::string(size - bytes.size(), '\0') + bytes;
}

PublicKey curve_key(EVP_PKEY* key, PublicKey::Curve curve, std::size_t size) {
  return PublicKey::ec(curve, padded(number_of(key, OSSL_PKEY_PARAM_EC_PUB_X), size),
                       padded(number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y), size))
      .value();
}

void expect_to_sign(const PrivateKey& own, const PublicKey& shown) {
  using enum SignatureAlgorithm;
  for (const SignatureAlgorithm algorithm : {Rs256, Ps256, Es256, Es384, EdDsa}) {
    EXPECT_EQ(own.serves(algorithm), shown.serves(algorithm)) << to_string(algorithm);
    // Numbers with leading zeros come once in 128 signatures.
    for (int i = 0; i < (algorithm == Es256 ? 600 : 3); ++i) {
      const auto signature = own.sign(algorithm, "what is signed");
      ASSERT_EQ(signature.has_value(), own.serves(algorithm));
      if (!signature) break;
      EXPECT_TRUE(shown.verify(algorithm, "what is signed", *signature));
      EXPECT_FALSE(shown.verify(algorithm, "what was signed", *signature));
    }
  }
}

TEST(PrivateKey, SignsWhatItsPublicKeyVerifies) {
  const OwnedKey rsa(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048}));
  expect_to_sign(private_key(rsa.get()), PublicKey::rsa(number_of(rsa.get(), OSSL_PKEY_PARAM_RSA_N),
                                                        number_of(rsa.get(), OSSL_PKEY_PARAM_RSA_E))
                                             .value());
  const OwnedKey p256(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  expect_to_sign(private_key(p256.get()), curve_key(p256.get(), PublicKey::Curve::P256, 32));
  const OwnedKey p384(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384"));
  expect_to_sign(private_key(p384.get()), curve_key(p384.get(), PublicKey::Curve::P384, 48));
  const OwnedKey ed25519(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  std::string x(32, '\0');
  std::size_t size = x.size();
  ASSERT_EQ(
      EVP_PKEY_get_raw_public_key(ed25519.get(), reinterpret_cast<unsigned char*>(x.data()), &size),
      1);
  expect_to_sign(private_key(ed25519.get()), PublicKey::ed25519(x).value());
}

TEST(PrivateKey, OfAKindThatNoJwsKnowsSignsNothing) {
  using enum SignatureAlgorithm;
  const OwnedKey small(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{1024}));
  const OwnedKey other(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-521"));
  for (EVP_PKEY* const key : {small.get(), other.get()})
    for (const SignatureAlgorithm algorithm : {Rs256, Ps256, Es256, Es384, EdDsa})
      EXPECT_FALSE(private_key(key).sign(algorithm, "message").has_value());
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
