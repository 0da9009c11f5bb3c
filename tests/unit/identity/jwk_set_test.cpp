#include "userspace/identity/jwk_set.h"

#include "tests/support/token_vectors.h"
#include "userspace/base/limits.h"
#include "userspace/crypto/encoding.h"

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

namespace tokens = test_tokens;
using enum crypto::SignatureAlgorithm;

// Members of a JWK behind its material: `,"kid":"a"`.
std::string rsa(const std::string& more = {}, std::string_view modulus = tokens::kRsaModulus) {
  return R"({"kty":"RSA","e":"AQAB","n":")" + std::string(modulus) + '"' + more + '}';
}
std::string p256(const std::string& more = {}) {
  return R"({"kty":"EC","crv":"P-256","x":")" + std::string(tokens::kP256X) + R"(","y":")" +
         std::string(tokens::kP256Y) + '"' + more + '}';
}
std::string p384(const std::string& more = {}) {
  return R"({"kty":"EC","crv":"P-384","x":")" + std::string(tokens::kP384X) + R"(","y":")" +
         std::string(tokens::kP384Y) + '"' + more + '}';
}
std::string ed25519(const std::string& more = {}) {
  return R"({"kty":"OKP","crv":"Ed25519","x":")" + std::string(tokens::kEd25519X) + '"' + more +
         '}';
}

JwkSet set_of(const std::vector<std::string>& keys) {
  std::string json = R"({"keys":[)";
  for (const std::string& key : keys) json += (json.back() == '[' ? "" : ",") + key;
  auto set = JwkSet::parse(json + "]}");
  EXPECT_TRUE(set) << to_string(set.error());
  return *std::move(set);
}

// Why the only key of a set is left out; "kept" where it is not.
std::string_view refusal(const std::string& key) {
  const JwkSet set = set_of({key});
  return set.left_out().empty() ? "kept" : to_string(set.left_out()[0].why);
}

std::optional<KeyMiss> miss(const JwkSet& set, const std::optional<std::string>& kid,
                            crypto::SignatureAlgorithm algorithm) {
  const auto found = set.find(kid, algorithm);
  return found ? std::nullopt : std::optional(found.error());
}

TEST(JwkSet, FindsAKeyByItsKidForTheAlgorithmsOfItsType) {
  const JwkSet set =
      set_of({rsa(R"(,"kid":"r","use":"sig")"), p256(R"(,"kid":"2")"),
              p384(R"(,"kid":"3","alg":"ES384")"), ed25519(R"(,"kid":"e","key_ops":["verify"])")});
  EXPECT_TRUE(set.left_out().empty());
  EXPECT_TRUE(set.find("r", Rs256));
  EXPECT_TRUE(set.find("r", Ps256));
  EXPECT_TRUE(set.find("2", Es256));
  EXPECT_TRUE(set.find("3", Es384));
  EXPECT_TRUE(set.find("e", EdDsa));
  EXPECT_EQ(*set.find("2", Es256).value()->kid, "2");
  EXPECT_EQ(miss(set, "r", Es256), KeyMiss::OtherAlgorithm);
  EXPECT_EQ(miss(set, "2", Rs256), KeyMiss::OtherAlgorithm);
  EXPECT_EQ(miss(set, "2", Es384), KeyMiss::OtherAlgorithm);
  EXPECT_EQ(miss(set, "x", Rs256), KeyMiss::Unknown);
  EXPECT_EQ(miss(set, "", Rs256), KeyMiss::Unknown);
  EXPECT_EQ(miss(set, "R", Rs256), KeyMiss::Unknown);
}

TEST(JwkSet, AKeyThatNamesItsAlgorithmServesNoOther) {
  const JwkSet set = set_of({rsa(R"(,"kid":"r","alg":"PS256")")});
  EXPECT_TRUE(set.find("r", Ps256));
  EXPECT_EQ(miss(set, "r", Rs256), KeyMiss::OtherAlgorithm);
  EXPECT_EQ(refusal(rsa(R"(,"alg":"ES256")")), to_string(KeyRefusal::AlgorithmMismatch));
  EXPECT_EQ(refusal(p256(R"(,"alg":"ES384")")), to_string(KeyRefusal::AlgorithmMismatch));
  for (const char* algorithm : {R"("RS512")", R"("HS256")", R"("none")", R"("rs256")", "7", "null"})
    EXPECT_EQ(refusal(rsa(R"(,"alg":)" + std::string(algorithm))),
              to_string(KeyRefusal::AlgorithmNotAllowed))
        << algorithm;
}

TEST(JwkSet, WithoutAKidOnlyASingleKeyThatServesIsFound) {
  const JwkSet set =
      set_of({rsa(R"(,"kid":"r")"), p256(), p384(), rsa("", tokens::kRfc7520Modulus)});
  EXPECT_TRUE(set.find(std::nullopt, Es256));
  EXPECT_EQ(miss(set, std::nullopt, Rs256), KeyMiss::Ambiguous);
  EXPECT_EQ(miss(set, std::nullopt, EdDsa), KeyMiss::Unknown);
  EXPECT_EQ(miss(set, "2", Es256), KeyMiss::Unknown);  // a key without a name is not of that name
}

TEST(JwkSet, KeysThatShareANameAndAnAlgorithmAreAllLeftOut) {
  const JwkSet set = set_of({rsa(R"(,"kid":"a")"), p256(R"(,"kid":"a")"),
                             rsa(R"(,"kid":"a","alg":"RS256")", tokens::kRfc7520Modulus)});
  ASSERT_EQ(set.left_out().size(), 2U);
  EXPECT_EQ(set.left_out()[0].why, KeyRefusal::SharedName);
  EXPECT_EQ(set.left_out()[1].why, KeyRefusal::SharedName);
  EXPECT_TRUE(set.find("a", Es256));  // equivalent keys of other types, as RFC 7517, 4.5 has them
  EXPECT_EQ(miss(set, "a", Rs256), KeyMiss::OtherAlgorithm);

  const JwkSet same = set_of({rsa(R"(,"kid":"a")"), rsa(R"(,"kid":"a","use":"sig")")});
  EXPECT_EQ(same.keys().size(), 1U);
  EXPECT_TRUE(same.left_out().empty());
  EXPECT_TRUE(same.find("a", Rs256));
  // The same key, but whether it serves PS256 too cannot be known.
  EXPECT_TRUE(set_of({rsa(R"(,"kid":"a")"), rsa(R"(,"kid":"a","alg":"RS256")")}).keys().empty());

  const JwkSet apart = set_of({rsa(R"(,"kid":"a","alg":"RS256")"),
                               rsa(R"(,"kid":"a","alg":"PS256")", tokens::kRfc7520Modulus)});
  EXPECT_EQ(apart.keys().size(), 2U);
  EXPECT_TRUE(apart.find("a", Rs256));
}

TEST(JwkSet, LeavesOutKeysThatAreNotForVerifying) {
  EXPECT_EQ(refusal(rsa(R"(,"use":"sig","key_ops":["sign","verify"])")), "kept");
  for (const char* more : {R"(,"use":"enc")", R"(,"use":"SIG")", R"(,"use":null)",
                           R"(,"use":["sig"])", R"(,"key_ops":["sign"])", R"(,"key_ops":[])",
                           R"(,"key_ops":"verify")", R"(,"use":"sig","key_ops":["encrypt"])"})
    EXPECT_EQ(refusal(rsa(more)), to_string(KeyRefusal::NotForVerifying)) << more;
}

TEST(JwkSet, LeavesOutSecretsAndSaysSo) {
  EXPECT_EQ(refusal(R"({"kty":"oct","kid":"r","k":"c2VjcmV0","alg":"HS256"})"),
            to_string(KeyRefusal::Symmetric));
  for (const char* part : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}) {
    const std::string more = std::string(",\"") + part + "\":\"AQAB\"";
    EXPECT_EQ(refusal(rsa(more)), to_string(KeyRefusal::Private)) << part;
    EXPECT_EQ(refusal(p256(more)), to_string(KeyRefusal::Private)) << part;
    EXPECT_EQ(refusal(ed25519(more)), to_string(KeyRefusal::Private)) << part;
  }
}

TEST(JwkSet, ATokenThatNamesALeftOutKeyIsToldApartFromOneOfAnUnknownKey) {
  const JwkSet set = set_of({rsa(R"(,"kid":"a","d":"AQAB")"), p256(R"(,"kid":"b")")});
  EXPECT_EQ(miss(set, "a", Rs256), KeyMiss::LeftOut);
  EXPECT_EQ(miss(set, "c", Rs256), KeyMiss::Unknown);
}

TEST(JwkSet, SkipsTypesAndCurvesThatItDoesNotKnow) {
  EXPECT_EQ(refusal(R"({"kty":"AKP","alg":"ML-DSA-65","pub":"AA"})"),
            to_string(KeyRefusal::UnknownType));
  EXPECT_EQ(refusal(R"({"kty":"rsa","n":"AA","e":"AQAB"})"), to_string(KeyRefusal::UnknownType));
  EXPECT_EQ(refusal(R"({"kty":"EC","crv":"P-521","x":"AA","y":"AA"})"),
            to_string(KeyRefusal::UnknownCurve));
  EXPECT_EQ(refusal(R"({"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"})"),
            to_string(KeyRefusal::UnknownCurve));
  EXPECT_EQ(refusal(R"({"kty":"OKP","crv":"X25519","x":"AA"})"),
            to_string(KeyRefusal::UnknownCurve));
  const JwkSet set = set_of({R"({"kty":"AKP"})", rsa(R"(,"kid":"r")")});
  EXPECT_TRUE(set.find("r", Rs256));
}

TEST(JwkSet, LeavesOutKeysThatAreMalformed) {
  const std::string x(tokens::kP256X), y(tokens::kP256Y);
  for (const std::string& key :
       {std::string("{}"), std::string("7"), std::string("null"), std::string(R"({"kty":7})"),
        std::string(R"({"kty":"RSA"})"), std::string(R"({"kty":"RSA","n":"AQAB"})"),
        std::string(R"({"kty":"RSA","n":7,"e":"AQAB"})"), std::string(R"({"kty":"EC"})"),
        std::string(R"({"kty":"OKP","crv":"Ed25519"})"), rsa(R"(,"kid":7)"),
        rsa(",\"kid\":\"" + std::string(limits::kKeyId + 1, 'k') + "\""),
        R"({"kty":"EC","crv":"P-256","x":")" + x + R"=(=","y":")=" + y + "\"}",
        R"({"kty":"EC","crv":"P-256","x":" )" + x + R"(","y":")" + y + "\"}"})
    EXPECT_EQ(refusal(key), to_string(KeyRefusal::Malformed)) << key;
  EXPECT_EQ(refusal(rsa(",\"kid\":\"" + std::string(limits::kKeyId, 'k') + "\"")), "kept");
}

TEST(JwkSet, SaysWhatIsWrongWithABadKey) {
  const auto fault = [](const std::string& key) {
    const JwkSet set = set_of({key});
    if (set.left_out().empty() || set.left_out()[0].why != KeyRefusal::BadKey) return "none";
    return to_string(*set.left_out()[0].fault).data();
  };
  const std::string x(tokens::kP256X), y(tokens::kP256Y);
  EXPECT_EQ(fault(rsa("", tokens::kRsa1024Modulus)), to_string(crypto::KeyError::RsaTooSmall));
  EXPECT_EQ(fault(rsa("", crypto::base64url_encode(std::string(1025, '\x81')))),
            to_string(crypto::KeyError::RsaTooLarge));
  EXPECT_EQ(fault(R"({"kty":"EC","crv":"P-256","x":")" + y + R"(","y":")" + x + "\"}"),
            to_string(crypto::KeyError::NotOnCurve));
  EXPECT_EQ(fault(R"({"kty":"EC","crv":"P-384","x":")" + x + R"(","y":")" + y + "\"}"),
            to_string(crypto::KeyError::BadCoordinate));
}

TEST(JwkSet, IsNoSetWhereItsFormIsNotThatOfOne) {
  const auto error = [](std::string_view json) {
    const auto set = JwkSet::parse(json);
    return set ? "none" : to_string(set.error());
  };
  EXPECT_EQ(error(R"({"keys":[],"more":1})"), "none");
  EXPECT_EQ(error(""), to_string(KeySetError::NotJson));
  EXPECT_EQ(error("[]"), to_string(KeySetError::NotJson));
  EXPECT_EQ(error("<html>"), to_string(KeySetError::NotJson));
  EXPECT_EQ(error("{}"), to_string(KeySetError::NoKeys));
  EXPECT_EQ(error(R"({"keys":{}})"), to_string(KeySetError::NoKeys));
  EXPECT_EQ(error(rsa()), to_string(KeySetError::NoKeys));  // one bare key
  EXPECT_EQ(error(R"({"keys":[],"keys":[]})"), to_string(KeySetError::DuplicateMember));
  EXPECT_EQ(error(R"({"keys":[{"kty":"RSA","kty":"oct"}]})"),
            to_string(KeySetError::DuplicateMember));
  EXPECT_EQ(error(R"({"keys":)" + std::string(100, '[')), to_string(KeySetError::TooComplex));
  EXPECT_EQ(error("{}" + std::string(limits::kKeySet, ' ')), to_string(KeySetError::TooLarge));
  const auto many = [](std::size_t count) {
    std::string json = R"({"keys":[{})";
    for (std::size_t i = 1; i < count; ++i) json += ",{}";
    return json + "]}";
  };
  EXPECT_EQ(error(many(limits::kKeySetKeys)), "none");
  EXPECT_EQ(error(many(limits::kKeySetKeys + 1)), to_string(KeySetError::TooManyKeys));
}

}  // namespace
}  // namespace veilwire::identity
