#include "userspace/identity/token_request.h"

#include "tests/unit/identity/oidc_fixtures.h"
#include "userspace/base/limits.h"

#include <type_traits>
#include <utility>

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

using std::chrono::seconds;

static_assert(!std::is_copy_constructible_v<Tokens>);

class TokenRequest : public Conversation {};

TEST_F(TokenRequest, ForACodeHasItsVerifier) {
  const auto sent =
      code_request(context(), secret("SplxlOBeZQQYbYS6WxSbIA"), "http://127.0.0.1:50719/callback",
                   secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
  EXPECT_EQ(sent->body.reveal(),
            "grant_type=authorization_code&code=SplxlOBeZQQYbYS6WxSbIA&"
            "redirect_uri=http%3A%2F%2F127.0.0.1%3A50719%2Fcallback&"
            "code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk&client_id=veilwire");
}

TEST_F(TokenRequest, ForEachOtherGrantIsTheRfcsExample) {
  client_ = OidcClient::with_secret_basic("c", secret("s"));
  // RFC 6749, 6 and 4.4.2; RFC 8628, 3.4 without its client_id, which Authorization has here.
  EXPECT_EQ(refresh_request(context(), secret("tGzv3JOkF0XG5Qx2TlKWIA"))->body.reveal(),
            "grant_type=refresh_token&refresh_token=tGzv3JOkF0XG5Qx2TlKWIA");
  EXPECT_EQ(client_credentials_request(context(), "", "")->body.reveal(),
            "grant_type=client_credentials");
  EXPECT_EQ(client_credentials_request(context(), "a b", "https://v.example")->body.reveal(),
            "grant_type=client_credentials&scope=a+b&resource=https%3A%2F%2Fv.example");
  EXPECT_EQ(device_code_request(context(), secret("GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS"))
                ->body.reveal(),
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&"
            "device_code=GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS");
}

TEST_F(TokenRequest, CannotInjectAnotherParameter) {
  EXPECT_EQ(refresh_request(context(), secret("x&grant_type=password"))->body.reveal(),
            "grant_type=refresh_token&refresh_token=x%26grant_type%3Dpassword&client_id=veilwire");
}

TEST_F(TokenRequest, NeedsATokenEndpoint) {
  provider_.endpoints.token.reset();
  EXPECT_FALSE(refresh_request(context(), secret("x")));
}

Result<Tokens, IdpFault> read(std::string_view json, IdToken id_token = IdToken::Optional) {
  return read_tokens(answer(json), id_token, at(seconds(100)));
}
std::string verdict_of(std::string_view json, IdToken id_token = IdToken::Optional) {
  const auto tokens = read(json, id_token);
  return tokens ? "taken" : to_string(tokens.error());
}
std::string said(IdpError error, std::string_view about) {
  return to_string(IdpFault{.error = error, .about = about});
}

TEST(TokenAnswer, OfTheRfcIsRead) {
  // RFC 6749, 5.1.
  const auto tokens = read(R"({"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"example",
       "expires_in":3600,"refresh_token":"tGzv3JOkF0XG5Qx2TlKWIA","example_parameter":"v"})");
  EXPECT_EQ(tokens.error().error, IdpError::UnknownTokenType);
  // OpenID Connect Core 1.0, 3.1.3.3.
  const auto sign_in = read(R"({"access_token":"SlAV32hkKG","token_type":"Bearer",
       "refresh_token":"8xLOxBtZp8","expires_in":3600,"id_token":"eyJ.eyJ.c2ln"})",
                            IdToken::Required);
  ASSERT_TRUE(sign_in);
  EXPECT_EQ(sign_in->access_token.reveal(), "SlAV32hkKG");
  EXPECT_EQ(sign_in->refresh_token.reveal(), "8xLOxBtZp8");
  EXPECT_EQ(sign_in->id_token.reveal(), "eyJ.eyJ.c2ln");
  EXPECT_EQ(sign_in->since, at(seconds(100)));
  EXPECT_EQ(sign_in->until, at(seconds(3700)));
}

TEST(TokenAnswer, IsOfABearerToken) {
  for (const char* type : {"bearer", "Bearer", "BEARER"})
    EXPECT_EQ(verdict_of(R"({"access_token":"a","token_type":")" + std::string(type) + "\"}"),
              "taken");
  for (const char* type : {"DPoP", "mac", "N_A", "", "Bearer "})
    EXPECT_EQ(verdict_of(R"({"access_token":"a","token_type":")" + std::string(type) + "\"}"),
              said(IdpError::UnknownTokenType, "token_type"));
  EXPECT_EQ(verdict_of(R"({"access_token":"a"})"), said(IdpError::MemberMissing, "token_type"));
}

TEST(TokenAnswer, IsOfABoundTokenWhereThatIsWanted) {
  const auto type_of = [](const char* type, TokenType wanted) -> std::string {
    const auto tokens =
        read_tokens(answer(R"({"access_token":"a","token_type":")" + std::string(type) + "\"}"),
                    IdToken::Optional, at(seconds(0)), wanted);
    if (!tokens) return to_string(tokens.error());
    return tokens->bound ? "bound" : "bearer";
  };
  const std::string refused = said(IdpError::UnknownTokenType, "token_type");
  EXPECT_EQ(type_of("DPoP", TokenType::Bearer), refused);
  EXPECT_EQ(type_of("DPoP", TokenType::Either), "bound");
  EXPECT_EQ(type_of("dpop", TokenType::Dpop), "bound");
  EXPECT_EQ(type_of("Bearer", TokenType::Either), "bearer");
  EXPECT_EQ(type_of("Bearer", TokenType::Dpop), refused);
  EXPECT_EQ(type_of("mac", TokenType::Either), refused);
}

TEST(TokenAnswer, HasTheTokensThatItMust) {
  EXPECT_EQ(verdict_of(R"({"token_type":"bearer"})"),
            said(IdpError::MemberMissing, "access_token"));
  EXPECT_EQ(verdict_of(R"({"token_type":"bearer","access_token":""})"),
            said(IdpError::MemberMissing, "access_token"));
  EXPECT_EQ(verdict_of(R"({"token_type":"bearer","access_token":"a"})", IdToken::Required),
            said(IdpError::MemberMissing, "id_token"));
  EXPECT_EQ(verdict_of(R"({"token_type":"bearer","access_token":"a","id_token":null,)"
                       R"("refresh_token":"","scope":null})"),
            "taken");
}

TEST(TokenAnswer, HasNoTokenThatCouldSplitARequest) {
  for (const char* name : {"access_token", "refresh_token", "id_token"})
    for (const char* value : {R"("a\r\nHost: b")", R"("a b")", R"("a\u0000b")", R"("\u00e9")", "7",
                              "[]", R"({"a":"b"})"})
      EXPECT_EQ(
          verdict_of(std::string(name) == "access_token"
                         ? R"({"token_type":"bearer","access_token":)" + std::string(value) + "}"
                         : R"({"token_type":"bearer","access_token":"a",")" + std::string(name) +
                               "\":" + value + "}"),
          said(IdpError::MemberMalformed, name))
          << value;
  EXPECT_EQ(verdict_of(R"({"token_type":"bearer","access_token":")" +
                       std::string(limits::kToken + 1, 'a') + "\"}"),
            said(IdpError::MemberMalformed, "access_token"));
}

TEST(TokenAnswer, HasALifeWithinBounds) {
  const auto life = [](std::string_view expires_in) {
    const auto tokens =
        read(R"({"token_type":"bearer","access_token":"a")" + std::string(expires_in) + "}");
    return tokens ? tokens->until - tokens->since : seconds(-1);
  };
  EXPECT_EQ(life(""), limits::kTokenLifeUnstated);
  EXPECT_EQ(life(R"(,"expires_in":1)"), seconds(1));
  for (const char* number : {"86401", "31536000", "9223372036854775807"})
    EXPECT_EQ(life(",\"expires_in\":" + std::string(number)), limits::kTokenLifeMost);
  for (const char* number : {"0", "-1", "-9223372036854775808", "9223372036854775808", "1e300",
                             "3600.5", "\"3600\"", "null", "true", "[]"})
    EXPECT_EQ(life(",\"expires_in\":" + std::string(number)), seconds(-1)) << number;
}

TEST(TokenAnswer, MayBeARefusal) {
  const auto refused = read_tokens(
      answer(R"({"error":"invalid_grant","error_description":"Token is not active"})", 400),
      IdToken::Optional, at(seconds(0)));
  EXPECT_EQ(refused.error().code, OAuthError::InvalidGrant);
  EXPECT_EQ(verdict(refused.error()), IdpVerdict::Denied);
  EXPECT_EQ(read_tokens(error_page(200), IdToken::Optional, at(seconds(0))).error().error,
            IdpError::NotJson);
}

TEST(TokenAnswer, OfARefreshKeepsWhatItDoesNotGive) {
  Tokens held = *read(R"({"token_type":"bearer","access_token":"a1","refresh_token":"r1",)"
                      R"("id_token":"i1","scope":"openid"})");
  held.proof_key = secret("k1");
  held.bound = true;
  renew(held, *read(R"({"token_type":"bearer","access_token":"a2"})"));
  EXPECT_EQ(held.proof_key.reveal(), "k1");
  EXPECT_FALSE(held.bound);
  EXPECT_EQ(held.access_token.reveal(), "a2");
  EXPECT_EQ(held.refresh_token.reveal(), "r1");
  EXPECT_EQ(held.id_token.reveal(), "i1");
  EXPECT_EQ(held.scope, "openid");
  renew(held, *read(R"({"token_type":"bearer","access_token":"a3","refresh_token":"r2",)"
                    R"("id_token":"i2","scope":"email"})"));
  EXPECT_EQ(held.refresh_token.reveal(), "r2");
  EXPECT_EQ(held.id_token.reveal(), "i2");
  EXPECT_EQ(held.scope, "email");
}

}  // namespace
}  // namespace veilwire::identity
