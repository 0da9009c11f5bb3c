#include "userspace/identity/jwt.h"

#include "tests/support/token_vectors.h"
#include "tests/unit/identity/signed_tokens.h"

#include <set>

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

namespace tokens = test_tokens;
using std::chrono::seconds;

constexpr WallTime kNow{seconds(1'800'000'300)};

// The keys of tests/support/token_vectors.h.
JwkSet vector_keys() {
  const auto key = [](const std::string& members, std::string_view x, std::string_view y = {}) {
    return "{" + members + R"(,"x":")" + std::string(x) + '"' +
           (y.empty() ? "" : R"(,"y":")" + std::string(y) + '"') + "}";
  };
  return JwkSet::parse(
             R"({"keys":[{"kty":"RSA","kid":"rsa","e":"AQAB","n":")" +
             std::string(tokens::kRsaModulus) + "\"}," +
             key(R"("kty":"EC","crv":"P-256","kid":"p256")", tokens::kP256X, tokens::kP256Y) + "," +
             key(R"("kty":"EC","crv":"P-384","kid":"p384")", tokens::kP384X, tokens::kP384Y) + "," +
             key(R"("kty":"OKP","crv":"Ed25519","kid":"ed")", tokens::kEd25519X) + "]}")
      .value();
}

TokenExpectation expect(TokenKind kind = TokenKind::Id) {
  return {.kind = kind, .issuer = "https://idp.example", .audience = "veilwire"};
}

std::string verdict(std::string_view token, const JwkSet& keys, const TokenExpectation& expected) {
  const auto verified = verify_token(token, keys, expected, kNow);
  return verified ? "taken" : to_string(verified.error());
}
std::string said(TokenError error, std::string_view about = {}) {
  return to_string(TokenFault{error, about});
}

TEST(Jwt, OfAnotherImplementationIsTakenInEveryAlgorithm) {
  const JwkSet keys = vector_keys();
  TokenExpectation expected = expect();
  expected.nonce = "n-0S6_WzA2Mj";
  expected.groups = {"groups"};
  for (const std::string_view text :
       {tokens::kRs256, tokens::kPs256, tokens::kEs256, tokens::kEs384, tokens::kEdDsa}) {
    const auto token = verify_token(text, keys, expected, kNow);
    ASSERT_TRUE(token) << to_string(token.error());
    EXPECT_EQ(token->subject, "248289761001");
    EXPECT_EQ(token->groups, (std::vector<std::string>{"developers", "staff"}));
    EXPECT_EQ(token->email, "ann@example.com");
    EXPECT_TRUE(token->email_verified);
    EXPECT_EQ(token->expires_at->since_epoch, seconds(1'800'000'600));
  }
}

TEST(Jwt, NoChangeOfOneByteIsTaken) {
  const JwkSet keys = vector_keys();
  for (const std::string_view good : {tokens::kRs256, tokens::kEs256, tokens::kEdDsa}) {
    ASSERT_EQ(verdict(good, keys, expect()), "taken");
    std::string bad(good);
    for (std::size_t at = 0; at < bad.size(); ++at) {
      for (unsigned value = 0; value < 256; ++value) {
        bad[at] = static_cast<char>(value);
        if (bad[at] == good[at]) continue;
        ASSERT_FALSE(verify_token(bad, keys, expect(), kNow)) << "at " << at << ": " << value;
      }
      bad[at] = good[at];
    }
  }
}

TEST(Jwt, NoTokenThatWasCutOrPaddedIsTaken) {
  const JwkSet keys = vector_keys();
  const std::string good(tokens::kEdDsa);
  for (std::size_t cut = 0; cut < good.size(); ++cut) {
    EXPECT_FALSE(verify_token(std::string_view(good).substr(0, cut), keys, expect(), kNow)) << cut;
    EXPECT_FALSE(verify_token(std::string_view(good).substr(cut + 1), keys, expect(), kNow)) << cut;
    for (const char byte : {'A', '=', '.', ' ', '\n', '\0'}) {
      std::string longer = good;
      longer.insert(cut, 1, byte);
      EXPECT_FALSE(verify_token(longer, keys, expect(), kNow)) << cut;
    }
  }
}

TEST(Jwt, NoPartOfOneTokenGoesWithThoseOfAnother) {
  const JwkSet keys = vector_keys();
  const std::string_view all[] = {tokens::kRs256, tokens::kPs256, tokens::kEs256, tokens::kEs384,
                                  tokens::kEdDsa};
  const auto header = [](std::string_view t) { return std::string(t.substr(0, t.find('.'))); };
  const auto rest = [](std::string_view t) { return std::string(t.substr(t.find('.'))); };
  for (const std::string_view a : all)
    for (const std::string_view b : all)
      EXPECT_EQ(verify_token(header(a) + rest(b), keys, expect(), kNow).has_value(), a == b);
}

class SignedJwt : public ::testing::Test {
 protected:
  std::string token(const std::string& type, const std::string& claims = kClaims) {
    return issuer_.sign(
        R"({"alg":"EdDSA","kid":"k")" + (type.empty() ? "" : ",\"typ\":\"" + type + '"') + "}",
        claims);
  }
  inline static const std::string kClaims =
      R"({"iss":"https://idp.example","aud":"veilwire","sub":"ann","exp":1800000600,)"
      R"("iat":1800000000,"jti":"1","client_id":"c"})";
  // What makes claims of one kind.
  static std::string claims_of(TokenKind kind) {
    if (kind == TokenKind::Id || kind == TokenKind::Access) return kClaims;
    return kClaims.substr(0, kClaims.size() - 1) +
           R"(,"events":{"http://schemas.openid.net/event/backchannel-logout":{}}})";
  }
  TestIssuer issuer_;
};

TEST_F(SignedJwt, IsTakenForTheKindThatItsTypeSaysAndNoOther) {
  const std::pair<TokenKind, std::set<std::string>> kinds[] = {
      {TokenKind::Id, {"", "JWT", "jwt", "application/jwt"}},
      {TokenKind::Access, {"at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+JWT"}},
      {TokenKind::Logout, {"logout+jwt", "application/logout+JWT"}},
      {TokenKind::SecurityEvent, {"secevent+jwt", "application/secevent+jwt"}}};
  for (const auto& [kind, own] : kinds)
    for (const auto& [other_kind, types] : kinds)
      for (const std::string& type : types)
        EXPECT_EQ(verdict(token(type, claims_of(kind)), issuer_.keys(), expect(kind)),
                  own.contains(type) ? "taken" : said(TokenError::WrongType, "typ"))
            << type;
  for (const char* type : {"JOSE", "at+jwt ", "text/at+jwt", "application/application/at+jwt",
                           "dpop+jwt", "token-introspection+jwt"})
    for (const auto& [kind, own] : kinds)
      EXPECT_EQ(verdict(token(type), issuer_.keys(), expect(kind)),
                said(TokenError::WrongType, "typ"));
}

TEST_F(SignedJwt, OfAForgerSaysNothingButThatItsSignatureIsBad) {
  // What its claims are is of no interest: they are not even parsed.
  for (const char* claims : {"{}", "not json", R"({"iss":"https://idp.example"})"})
    EXPECT_EQ(verdict(TestIssuer().sign(R"({"alg":"EdDSA","kid":"k"})", claims), issuer_.keys(),
                      expect()),
              said(TokenError::BadSignature));
}

TEST_F(SignedJwt, OfAnUnknownKeyIsToldApart) {
  const std::string rotated = issuer_.sign(R"({"alg":"EdDSA","kid":"next"})", kClaims);
  EXPECT_EQ(verify_token(rotated, issuer_.keys(), expect(), kNow).error().error,
            TokenError::UnknownKey);
  EXPECT_EQ(verdict(token(""), JwkSet::parse(R"({"keys":[]})").value(), expect()),
            said(TokenError::UnknownKey, "kid"));
}

TEST_F(SignedJwt, NamesItsIssuerBeforeAnybodyHasVerifiedIt) {
  EXPECT_EQ(claimed_issuer(tokens::kRs256).value(), "https://idp.example");
  const auto refusal = [&](std::string_view claims) {
    return to_string(claimed_issuer(issuer_.sign(R"({"alg":"EdDSA"})", claims)).error());
  };
  EXPECT_EQ(refusal("{}"), said(TokenError::ClaimMissing, "iss"));
  EXPECT_EQ(refusal(R"({"iss":7})"), said(TokenError::ClaimMissing, "iss"));
  EXPECT_EQ(refusal(R"({"iss":"a\nb"})"), said(TokenError::ClaimMalformed, "iss"));
  EXPECT_EQ(refusal(R"({"iss":"a","iss":"b"})"), said(TokenError::DuplicateMember, "claims"));
  EXPECT_EQ(to_string(claimed_issuer("x").error()), said(TokenError::NotCompact));
}

TEST(TokenErrors, AreToldApartInWords) {
  std::set<std::string_view> texts;
  constexpr int kLast = static_cast<int>(TokenError::GroupsElsewhere);
  for (int i = 0; i <= kLast; ++i) texts.insert(to_string(static_cast<TokenError>(i)));
  EXPECT_EQ(texts.size(), static_cast<std::size_t>(kLast + 1));
  EXPECT_EQ(texts.count("unknown"), 0U);
  EXPECT_EQ(to_string(TokenFault{TokenError::ClaimMissing, "exp"}), "a claim is missing (exp)");
}

}  // namespace
}  // namespace veilwire::identity
