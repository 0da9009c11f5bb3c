// Vectors of RFC 7515, 7520 and 8037, one signature an algorithm by another implementation, and
// every key and signature that must prove nothing.
#include "userspace/crypto/public_key.h"

#include "tests/support/token_vectors.h"
#include "userspace/crypto/encoding.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/err.h>

namespace veilwire::crypto {
namespace {

namespace tokens = test_tokens;
using enum SignatureAlgorithm;

std::string bytes(std::string_view base64url) { return base64url_decode(base64url).value(); }

struct Signed {
  std::string message;
  std::string signature;
};

Signed split(std::string_view token) {
  const std::size_t dot = token.rfind('.');
  return {std::string(token.substr(0, dot)), bytes(token.substr(dot + 1))};
}

PublicKey rsa(std::string_view modulus) {
  return PublicKey::rsa(bytes(modulus), bytes("AQAB")).value();
}
PublicKey p256() {
  return PublicKey::ec(PublicKey::Curve::P256, bytes(tokens::kP256X), bytes(tokens::kP256Y))
      .value();
}
PublicKey p384() {
  return PublicKey::ec(PublicKey::Curve::P384, bytes(tokens::kP384X), bytes(tokens::kP384Y))
      .value();
}
PublicKey ed25519() { return PublicKey::ed25519(bytes(tokens::kEd25519X)).value(); }

bool verifies(const PublicKey& key, SignatureAlgorithm algorithm, const Signed& s) {
  return key.verify(algorithm, s.message, s.signature);
}

TEST(PublicKey, VerifiesTheSignaturesOfTheRfcs) {
  EXPECT_TRUE(verifies(rsa(tokens::kRfc7515A2Modulus), Rs256, split(tokens::kRfc7515A2)));
  EXPECT_TRUE(verifies(rsa(tokens::kRfc7520Modulus), Rs256, split(tokens::kRfc7520Rs256)));
  EXPECT_FALSE(verifies(rsa(tokens::kRfc7520Modulus), Ps256, split(tokens::kRfc7520Ps384)));
  const auto ec =
      PublicKey::ec(PublicKey::Curve::P256, bytes(tokens::kRfc7515A3X), bytes(tokens::kRfc7515A3Y));
  ASSERT_TRUE(ec);
  EXPECT_TRUE(verifies(*ec, Es256, split(tokens::kRfc7515A3)));
  const auto ed = PublicKey::ed25519(bytes(tokens::kRfc8037X));
  ASSERT_TRUE(ed);
  EXPECT_TRUE(verifies(*ed, EdDsa, split(tokens::kRfc8037A4)));
}

TEST(PublicKey, VerifiesWhatAnotherImplementationSigned) {
  EXPECT_TRUE(verifies(rsa(tokens::kRsaModulus), Rs256, split(tokens::kRs256)));
  EXPECT_TRUE(verifies(rsa(tokens::kRsaModulus), Ps256, split(tokens::kPs256)));
  EXPECT_TRUE(verifies(p256(), Es256, split(tokens::kEs256)));
  EXPECT_TRUE(verifies(p384(), Es384, split(tokens::kEs384)));
  EXPECT_TRUE(verifies(ed25519(), EdDsa, split(tokens::kEdDsa)));
}

TEST(PublicKey, ServesTheAlgorithmsOfItsTypeAndNoOther) {
  const PublicKey keys[] = {rsa(tokens::kRsaModulus), p256(), p384(), ed25519()};
  const std::vector<SignatureAlgorithm> served[] = {{Rs256, Ps256}, {Es256}, {Es384}, {EdDsa}};
  const std::pair<SignatureAlgorithm, Signed> signatures[] = {{Rs256, split(tokens::kRs256)},
                                                              {Ps256, split(tokens::kPs256)},
                                                              {Es256, split(tokens::kEs256)},
                                                              {Es384, split(tokens::kEs384)},
                                                              {EdDsa, split(tokens::kEdDsa)}};
  for (std::size_t i = 0; i < std::size(keys); ++i)
    for (const SignatureAlgorithm claimed : {Rs256, Ps256, Es256, Es384, EdDsa}) {
      const bool serves = std::find(served[i].begin(), served[i].end(), claimed) != served[i].end();
      EXPECT_EQ(keys[i].serves(claimed), serves) << i << to_string(claimed);
      for (const auto& [made_with, s] : signatures)
        EXPECT_EQ(verifies(keys[i], claimed, s), serves && claimed == made_with)
            << i << to_string(claimed) << to_string(made_with);
    }
}

TEST(PublicKey, NoChangedBitOfASignatureVerifies) {
  const std::pair<SignatureAlgorithm, std::string_view> all[] = {{Rs256, tokens::kRs256},
                                                                 {Ps256, tokens::kPs256},
                                                                 {Es256, tokens::kEs256},
                                                                 {Es384, tokens::kEs384},
                                                                 {EdDsa, tokens::kEdDsa}};
  const PublicKey keys[] = {rsa(tokens::kRsaModulus), rsa(tokens::kRsaModulus), p256(), p384(),
                            ed25519()};
  for (std::size_t k = 0; k < std::size(keys); ++k) {
    const Signed good = split(all[k].second);
    for (std::size_t bit = 0; bit < good.signature.size() * 8; ++bit) {
      Signed bad = good;
      bad.signature[bit / 8] = static_cast<char>(bad.signature[bit / 8] ^ (1 << bit % 8));
      EXPECT_FALSE(verifies(keys[k], all[k].first, bad)) << to_string(all[k].first) << bit;
    }
  }
}

TEST(PublicKey, ASignatureHasExactlyItsLength) {
  const std::pair<SignatureAlgorithm, std::string_view> all[] = {{Rs256, tokens::kRs256},
                                                                 {Ps256, tokens::kPs256},
                                                                 {Es256, tokens::kEs256},
                                                                 {Es384, tokens::kEs384},
                                                                 {EdDsa, tokens::kEdDsa}};
  const PublicKey keys[] = {rsa(tokens::kRsaModulus), rsa(tokens::kRsaModulus), p256(), p384(),
                            ed25519()};
  const std::string zero(1, '\0');
  for (std::size_t k = 0; k < std::size(keys); ++k) {
    const auto [message, signature] = split(all[k].second);
    const SignatureAlgorithm algorithm = all[k].first;
    for (const std::string& wrong : {std::string(), signature.substr(1), zero + signature,
                                     signature + zero, signature + signature})
      EXPECT_FALSE(keys[k].verify(algorithm, message, wrong)) << to_string(algorithm);
    EXPECT_FALSE(keys[k].verify(algorithm, message, std::string(signature.size(), '\0')));
    EXPECT_FALSE(keys[k].verify(algorithm, message, std::string(signature.size(), '\xff')));
  }
}

TEST(PublicKey, EcdsaTakesNeitherDerNorZeroes) {
  const auto [message, der] = split(tokens::kEs256Der);
  EXPECT_FALSE(p256().verify(Es256, message, der));
  const Signed good = split(tokens::kEs256);
  const std::string r = good.signature.substr(0, 32), s = good.signature.substr(32);
  const std::string zero(1, '\0'), zeroes(32, '\0');
  EXPECT_FALSE(p256().verify(Es256, good.message, zero + r + zero + s));  // the same numbers
  EXPECT_FALSE(p256().verify(Es256, good.message, zeroes + s));           // r = 0
  EXPECT_FALSE(p256().verify(Es256, good.message, r + zeroes));
  // The order of the group, which is 0 to it.
  const std::string order =
      hex_decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").value();
  EXPECT_FALSE(p256().verify(Es256, good.message, order + s));
  EXPECT_FALSE(p256().verify(Es256, good.message, r + order));
}

TEST(PublicKey, PssTakesNoOtherLengthOfSaltThanItsDigest) {
  EXPECT_FALSE(verifies(rsa(tokens::kRsaModulus), Ps256, split(tokens::kPs256LongSalt)));
}

TEST(PublicKey, RsaHasItsBounds) {
  const std::string e = bytes("AQAB");
  const std::string n = bytes(tokens::kRsaModulus);
  const auto refusal = [](std::string_view modulus, std::string_view exponent) {
    const auto key = PublicKey::rsa(modulus, exponent);
    return key ? "none" : to_string(key.error());
  };
  EXPECT_EQ(refusal(bytes(tokens::kRsa1024Modulus), e), to_string(KeyError::RsaTooSmall));
  std::string short_by_a_bit = n;
  short_by_a_bit[0] = 0x7f;
  EXPECT_EQ(refusal(short_by_a_bit, e), to_string(KeyError::RsaTooSmall));
  const std::string low(1, '\x01');
  EXPECT_EQ(refusal("\x80" + std::string(1022, '\0') + low, e), "none");  // 8192 bits
  EXPECT_EQ(refusal("\x80" + std::string(1023, '\0') + low, e), to_string(KeyError::RsaTooLarge));
  EXPECT_EQ(refusal("", e), to_string(KeyError::BadModulus));
  EXPECT_EQ(refusal(std::string(1, '\0') + n, e), to_string(KeyError::BadModulus));
  EXPECT_EQ(refusal(n.substr(0, n.size() - 1) + "\x02", e), to_string(KeyError::BadModulus));
  const std::string exponents[] = {"",
                                   "\x01",
                                   "\x02",
                                   std::string("\x01\x00\x00", 3),
                                   std::string("\x00\x01\x00\x01", 4),
                                   std::string(1, '\0'),
                                   "\x01\x01\x01\x01\x01\x01\x01\x01\x01"};
  for (const std::string& bad : exponents)
    EXPECT_EQ(refusal(n, bad), to_string(KeyError::BadExponent)) << hex_encode(bad);
  EXPECT_EQ(refusal(n, "\x03"), "none");
}

TEST(PublicKey, APointMustLieOnItsCurve) {
  const std::string x = bytes(tokens::kP256X), y = bytes(tokens::kP256Y);
  const auto refusal = [](PublicKey::Curve curve, std::string_view px, std::string_view py) {
    const auto key = PublicKey::ec(curve, px, py);
    return key ? "none" : to_string(key.error());
  };
  using enum PublicKey::Curve;
  EXPECT_EQ(refusal(P256, x, y), "none");
  EXPECT_EQ(refusal(P256, y, x), to_string(KeyError::NotOnCurve));
  EXPECT_EQ(refusal(P256, std::string(32, '\0'), std::string(32, '\0')),
            to_string(KeyError::NotOnCurve));
  EXPECT_EQ(refusal(P256, std::string(32, '\xff'), y), to_string(KeyError::NotOnCurve));
  EXPECT_EQ(refusal(P256, x.substr(1), y), to_string(KeyError::BadCoordinate));
  EXPECT_EQ(refusal(P256, x, std::string(1, '\0') + y), to_string(KeyError::BadCoordinate));
  EXPECT_EQ(refusal(P384, x, y), to_string(KeyError::BadCoordinate));
  EXPECT_EQ(refusal(P384, std::string(16, '\0') + x, std::string(16, '\0') + y),
            to_string(KeyError::NotOnCurve));
}

TEST(PublicKey, OfEd25519IsAPointOfTheLargeSubgroupInItsOneEncoding) {
  const auto accepted = [](std::string_view hex) {
    return PublicKey::ed25519(hex_decode(hex).value()).has_value();
  };
  // The keys of RFC 8032, 7.1.
  EXPECT_TRUE(accepted("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"));
  EXPECT_TRUE(accepted("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"));
  EXPECT_TRUE(accepted("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"));
  const char* const small_order[] = {
      "0100000000000000000000000000000000000000000000000000000000000000",   // order 1
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",   // order 2
      "0000000000000000000000000000000000000000000000000000000000000000",   // order 4
      "0000000000000000000000000000000000000000000000000000000000000080",   // order 4
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",   // order 8
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",   // order 8
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",   // order 8
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"};  // order 8
  for (const char* hex : small_order) EXPECT_FALSE(accepted(hex)) << hex;
  // Second spellings, of y = 3, 4 and 0: p is added.
  EXPECT_TRUE(accepted("0300000000000000000000000000000000000000000000000000000000000000"));
  EXPECT_FALSE(accepted("f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"));
  EXPECT_FALSE(accepted("f1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"));
  EXPECT_FALSE(accepted("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"));
  // y = 2 has no x.
  EXPECT_FALSE(accepted("0200000000000000000000000000000000000000000000000000000000000000"));
  EXPECT_FALSE(PublicKey::ed25519(std::string(31, '\x42')));
  EXPECT_FALSE(PublicKey::ed25519(std::string(33, '\x42')));
}

TEST(PublicKey, IsEqualToItselfReadAgain) {
  EXPECT_TRUE(p256().same_as(p256()));
  EXPECT_FALSE(p256().same_as(p384()));
  EXPECT_FALSE(p256().same_as(ed25519()));
  EXPECT_FALSE(rsa(tokens::kRsaModulus).same_as(rsa(tokens::kRfc7520Modulus)));
}

TEST(PublicKey, LeavesTheErrorsInOpensslAsTheyWere) {
  ERR_clear_error();
  ERR_raise(ERR_LIB_USER, 7);  // of somebody else
  EXPECT_FALSE(PublicKey::ec(PublicKey::Curve::P256, bytes(tokens::kP256Y), bytes(tokens::kP256X)));
  EXPECT_FALSE(p256().verify(Es256, "x", std::string(64, '\x01')));
  EXPECT_FALSE(rsa(tokens::kRsaModulus).verify(Rs256, "x", std::string(256, '\x01')));
  EXPECT_FALSE(rsa(tokens::kRsaModulus).verify(Ps256, "x", std::string(256, '\xff')));
  EXPECT_FALSE(p256().same_as(ed25519()));
  EXPECT_EQ(ERR_GET_REASON(ERR_get_error()), 7);
  EXPECT_EQ(ERR_get_error(), 0U);
}

TEST(SignatureAlgorithm, IsNamedExactly) {
  for (const SignatureAlgorithm a : {Rs256, Ps256, Es256, Es384, EdDsa})
    EXPECT_EQ(signature_algorithm(to_string(a)), a);
  for (const char* name : {"", "none", "None", "HS256", "HS384", "HS512", "RS384", "RS512", "PS384",
                           "ES512", "ES256K", "rs256", "RS256 ", "EDDSA", "unknown"})
    EXPECT_EQ(signature_algorithm(name), std::nullopt) << name;
}

}  // namespace
}  // namespace veilwire::crypto
