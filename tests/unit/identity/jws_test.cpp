// The vectors of the RFCs, and every header and spelling that a forger would try, most of them
// signed with the right key: what refuses them is not the signature.
#include "userspace/identity/jws.h"

#include "tests/support/token_vectors.h"
#include "tests/unit/identity/signed_tokens.h"
#include "userspace/base/limits.h"

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

namespace tokens = test_tokens;
using crypto::SignatureAlgorithm;

JwkSet set_of(const std::string& keys) {
  return JwkSet::parse(R"({"keys":[)" + keys + "]}").value();
}
std::string rsa(std::string_view modulus, const std::string& more = {}) {
  return R"({"kty":"RSA","e":"AQAB","n":")" + std::string(modulus) + '"' + more + '}';
}
std::string p256(std::string_view x, std::string_view y, const std::string& more = {}) {
  return R"({"kty":"EC","crv":"P-256","x":")" + std::string(x) + R"(","y":")" + std::string(y) +
         '"' + more + '}';
}

// What a token is refused for, and what about; "verified" where it is not.
std::string verdict(std::string_view token, const JwkSet& keys) {
  const auto jws = parse_jws(token);
  if (!jws) return to_string(jws.error());
  const auto verified = verify(*jws, keys);
  return verified ? "verified" : to_string(verified.error());
}
std::string said(TokenError error, std::string_view about = {}) {
  return to_string(TokenFault{error, about});
}

TEST(Jws, VerifiesTheVectorsOfRfc7515AndRefusesItsMacAndItsUnsecuredOne) {
  const JwkSet keys =
      set_of(rsa(tokens::kRfc7515A2Modulus) + "," + p256(tokens::kRfc7515A3X, tokens::kRfc7515A3Y));
  EXPECT_EQ(verdict(tokens::kRfc7515A2, keys), "verified");
  EXPECT_EQ(verdict(tokens::kRfc7515A3, keys), "verified");
  EXPECT_EQ(parse_jws(tokens::kRfc7515A2)->payload,
            "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}");
  EXPECT_EQ(verdict(tokens::kRfc7515A1, keys), said(TokenError::AlgorithmNotAllowed, "alg"));
  EXPECT_EQ(verdict(tokens::kRfc7515A5, keys), said(TokenError::AlgorithmNotAllowed, "alg"));
}

TEST(Jws, VerifiesTheVectorOfRfc7520ThatIsAllowed) {
  const JwkSet keys =
      set_of(rsa(tokens::kRfc7520Modulus, R"(,"kid":"bilbo.baggins@hobbiton.example")"));
  EXPECT_EQ(verdict(tokens::kRfc7520Rs256, keys), "verified");
  EXPECT_EQ(verdict(tokens::kRfc7520Ps384, keys), said(TokenError::AlgorithmNotAllowed, "alg"));
  EXPECT_EQ(verdict(tokens::kRfc7520Es512, keys), said(TokenError::AlgorithmNotAllowed, "alg"));
}

TEST(Jws, VerifiesTheVectorOfRfc8037) {
  const JwkSet keys =
      set_of(R"({"kty":"OKP","crv":"Ed25519","x":")" + std::string(tokens::kRfc8037X) + "\"}");
  EXPECT_EQ(verdict(tokens::kRfc8037A4, keys), "verified");
  EXPECT_EQ(parse_jws(tokens::kRfc8037A4)->payload, "Example of Ed25519 signing");
}

TEST(Jws, RefusesAPublicKeyUsedAsTheKeyOfAMac) {
  const JwkSet keys = set_of(rsa(tokens::kRsaModulus, R"(,"kid":"rsa")"));
  EXPECT_EQ(verdict(tokens::kRs256, keys), "verified");
  EXPECT_EQ(verdict(tokens::kHs256OverPublicKey, keys),
            said(TokenError::AlgorithmNotAllowed, "alg"));
}

TEST(Jws, RefusesSignaturesOfAnotherFormOrStrength) {
  const JwkSet keys = set_of(rsa(tokens::kRsaModulus, R"(,"kid":"rsa")") + "," +
                             p256(tokens::kP256X, tokens::kP256Y, R"(,"kid":"p256")") + "," +
                             rsa(tokens::kRsa1024Modulus, R"(,"kid":"small")"));
  EXPECT_EQ(verdict(tokens::kEs256, keys), "verified");
  EXPECT_EQ(verdict(tokens::kEs256Der, keys), said(TokenError::BadSignature));
  EXPECT_EQ(verdict(tokens::kPs256, keys), "verified");
  EXPECT_EQ(verdict(tokens::kPs256LongSalt, keys), said(TokenError::BadSignature));
  EXPECT_EQ(verdict(tokens::kRsa1024, keys), said(TokenError::UnusableKey, "kid"));
}

class SignedJws : public ::testing::Test {
 protected:
  std::string verdict_of(std::string_view header) {
    return verdict(issuer_.sign(header, "{}"), issuer_.keys());
  }
  TestIssuer issuer_;
};

TEST_F(SignedJws, AHeaderChoosesAmongOurKeysAndBringsNone) {
  EXPECT_EQ(verdict_of(R"({"alg":"EdDSA","kid":"k"})"), "verified");
  EXPECT_EQ(verdict_of(R"( {"typ":"JWT", "x5t":"AA", "other":{"a":[1]}, "alg":"EdDSA"} )"),
            "verified");
  for (const std::string name : {"jku", "jwk", "x5u", "x5c", "crit", "b64"})
    for (const char* value : {R"("https://evil.example")", R"({"kty":"oct","k":"AA"})", "null",
                              "true", "[]", R"(["exp"])"})
      EXPECT_EQ(verdict_of(R"({"alg":"EdDSA","kid":"k",")" + name + "\":" + value + "}"),
                said(TokenError::HeaderNotAllowed, name));
}

TEST_F(SignedJws, AnAlgorithmThatIsNotAllowedIsRefusedHoweverItIsSpelled) {
  for (const char* algorithm :
       {R"("none")", R"("None")", R"("nOnE")", R"("")", R"("HS256")", R"("eddsa")", R"("EdDSA ")",
        R"("Ed25519")", R"("ES256K")", R"("RS1")", "null", "0", R"(["EdDSA"])", R"({"a":"EdDSA"})"})
    EXPECT_EQ(verdict_of(R"({"kid":"k","alg":)" + std::string(algorithm) + "}"),
              said(TokenError::AlgorithmNotAllowed, "alg"))
        << algorithm;
  EXPECT_EQ(verdict_of(R"({"kid":"k"})"), said(TokenError::AlgorithmNotAllowed, "alg"));
  EXPECT_EQ(verdict_of(R"({"kid":"k","ALG":"EdDSA"})"),
            said(TokenError::AlgorithmNotAllowed, "alg"));
  EXPECT_EQ(verdict_of(R"({"kid":"k","\u0061lg":"\u0045dDSA"})"), "verified");
}

TEST_F(SignedJws, AnAlgorithmOfAnotherTypeThanTheKeyOfItsNameIsRefused) {
  for (const char* algorithm : {"RS256", "PS256", "ES256", "ES384"})
    EXPECT_EQ(verdict_of(R"({"kid":"k","alg":")" + std::string(algorithm) + "\"}"),
              said(TokenError::KeyOfOtherAlgorithm, "kid"));
}

TEST_F(SignedJws, TheKeyIsTheOneOfItsName) {
  const auto with = [&](const std::string& kid, const std::string& more = {}) {
    return verdict(issuer_.sign(R"({"alg":"EdDSA")" + kid + "}", "{}"), issuer_.keys(more));
  };
  const TestIssuer other;
  const std::string second = R"(,{"kty":"OKP","crv":"Ed25519","kid":"other","x":")" +
                             std::string(tokens::kEd25519X) + "\"}";
  EXPECT_EQ(with(R"(,"kid":"k")", second), "verified");
  EXPECT_EQ(with(R"(,"kid":"other")", second), said(TokenError::BadSignature));
  EXPECT_EQ(with(R"(,"kid":"K")", second), said(TokenError::UnknownKey, "kid"));
  EXPECT_EQ(with(R"(,"kid":"")", second), said(TokenError::UnknownKey, "kid"));
  EXPECT_EQ(with(R"(,"kid":"../../dev/null")"), said(TokenError::UnknownKey, "kid"));
  EXPECT_EQ(with("", second), said(TokenError::AmbiguousKey, "kid"));
  EXPECT_EQ(with(""), "verified");
  for (const char* kid : {"7", "null", "[\"k\"]", "{}"})
    EXPECT_EQ(with(R"(,"kid":)" + std::string(kid)), said(TokenError::HeaderMalformed, "kid"));
  EXPECT_EQ(with(R"(,"kid":")" + std::string(limits::kKeyId + 1, 'k') + '"'),
            said(TokenError::HeaderMalformed, "kid"));
  EXPECT_EQ(verdict(other.sign(R"({"alg":"EdDSA","kid":"k"})", "{}"), issuer_.keys()),
            said(TokenError::BadSignature));
}

TEST_F(SignedJws, TheTypeIsAMediaTypeWithoutRegardToCase) {
  const auto type = [&](const std::string& typ) {
    return parse_jws(issuer_.sign(R"({"alg":"EdDSA","typ":")" + typ + "\"}", "{}"))->type;
  };
  EXPECT_EQ(type("JWT"), "jwt");
  EXPECT_EQ(type("Application/AT+jwt"), "at+jwt");
  EXPECT_EQ(type("text/jwt"), "text/jwt");
  EXPECT_EQ(type(""), "");
  EXPECT_EQ(parse_jws(issuer_.sign(R"({"alg":"EdDSA"})", "{}"))->type, std::nullopt);
  EXPECT_EQ(verdict_of(R"({"alg":"EdDSA","typ":null})"), said(TokenError::HeaderMalformed, "typ"));
}

TEST_F(SignedJws, AHeaderThatParsersReadDifferentlyIsRefused) {
  EXPECT_EQ(verdict_of(R"({"alg":"EdDSA","alg":"none"})"),
            said(TokenError::DuplicateMember, "header"));
  EXPECT_EQ(verdict_of(R"({"alg":"none","\u0061lg":"EdDSA"})"),
            said(TokenError::DuplicateMember, "header"));
  EXPECT_EQ(verdict_of(R"({"alg":"EdDSA","x":{"y":[{"z":1,"z":2}]}})"),
            said(TokenError::DuplicateMember, "header"));
  EXPECT_EQ(verdict_of(R"({"alg":"EdDSA"} {"alg":"none"})"), said(TokenError::NotJson, "header"));
  EXPECT_EQ(verdict_of("\xef\xbb\xbf{\"alg\":\"EdDSA\"}"), said(TokenError::NotJson, "header"));
  EXPECT_EQ(verdict_of("{\"alg\":\"EdDSA\",\"x\":\"\xff\"}"), said(TokenError::NotJson, "header"));
  EXPECT_EQ(verdict_of(R"({"alg":"EdDSA","x":)" + std::string(100, '[')),
            said(TokenError::TooComplex, "header"));
}

TEST_F(SignedJws, EachPartHasOneSpelling) {
  const std::string header = base64url(R"({"alg":"EdDSA"})"), payload = base64url("{\"a\":1 }");
  ASSERT_EQ(verdict(issuer_.sign_parts(header, payload), issuer_.keys()), "verified");
  for (const std::string& spoiled :
       {header + "=", header + "\n", " " + header, header.substr(0, 4) + " " + header.substr(4),
        header.substr(0, 4) + "==" + header.substr(4), header + "A", header + "+/"})
    EXPECT_EQ(verdict(issuer_.sign_parts(spoiled, payload), issuer_.keys()),
              said(TokenError::NotBase64Url, "header"))
        << spoiled;
  // Set bits behind the last byte, and padding.
  EXPECT_EQ(verdict(issuer_.sign_parts(header, "e30"), issuer_.keys()), "verified");
  for (const char* spoiled : {"e31", "e32", "e33", "e30=", "e30\r\n"})
    EXPECT_EQ(verdict(issuer_.sign_parts(header, spoiled), issuer_.keys()),
              said(TokenError::NotBase64Url, "claims"))
        << spoiled;
  const std::string token = issuer_.sign_parts(header, payload);
  for (const char* behind : {"=", "==", "\n", " "})
    EXPECT_EQ(verdict(token + behind, issuer_.keys()), said(TokenError::NotBase64Url, "signature"));
}

TEST_F(SignedJws, IsThreeParts) {
  const std::string token = issuer_.sign(R"({"alg":"EdDSA"})", "{}");
  EXPECT_EQ(verdict("", issuer_.keys()), said(TokenError::NotCompact));
  EXPECT_EQ(verdict("e30", issuer_.keys()), said(TokenError::NotCompact));
  EXPECT_EQ(verdict(token.substr(0, token.rfind('.')), issuer_.keys()),
            said(TokenError::NotCompact));
  EXPECT_EQ(verdict(token + ".", issuer_.keys()), said(TokenError::NotCompact));
  EXPECT_EQ(verdict(token + "..", issuer_.keys()), said(TokenError::Encrypted));
  EXPECT_EQ(verdict("..", issuer_.keys()), said(TokenError::NotJson, "header"));
  EXPECT_EQ(verdict(token.substr(0, token.rfind('.') + 1), issuer_.keys()),
            said(TokenError::BadSignature));
  EXPECT_EQ(verdict("Bearer " + token, issuer_.keys()), said(TokenError::NotBase64Url, "header"));
}

TEST_F(SignedJws, HasABound) {
  const std::string header = R"({"alg":"EdDSA"})";
  const std::size_t around = issuer_.sign(header, "").size();
  const std::string most =
      issuer_.sign(header, std::string((limits::kToken - around) / 4 * 3, ' '));
  ASSERT_LE(most.size(), limits::kToken);
  EXPECT_EQ(verdict(most, issuer_.keys()), "verified");
  EXPECT_EQ(verdict(most + std::string(limits::kToken + 1 - most.size(), 'A'), issuer_.keys()),
            said(TokenError::TooLarge));
}

}  // namespace
}  // namespace veilwire::identity
