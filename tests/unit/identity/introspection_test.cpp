#include "userspace/identity/introspection.h"

#include "tests/unit/identity/oidc_fixtures.h"
#include "userspace/base/limits.h"

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

using std::chrono::seconds;

class IntrospectionRequest : public Conversation {};

TEST_F(IntrospectionRequest, IsTheRfcsExample) {
  // RFC 7662, 2.1.
  client_ = OidcClient::with_secret_basic("s6BhdRkqt3", secret("gX1fBat3bV"));
  const auto sent =
      introspection_request(context(), secret("mF_9.B5f-4.1JqM"), TokenHint::AccessToken);
  EXPECT_EQ(sent->url.target, "/introspect");
  EXPECT_EQ(sent->authorization.reveal(), "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW");
  EXPECT_EQ(sent->body.reveal(), "token=mF_9.B5f-4.1JqM&token_type_hint=access_token");
  provider_.endpoints.introspection.reset();
  EXPECT_FALSE(introspection_request(context(), secret("x"), TokenHint::RefreshToken));
}

constexpr std::string_view kExample = R"({"active":true,"client_id":"l238j323ds-23ij4",
  "username":"jdoe","scope":"read write dolphin","sub":"Z5O3upPC88QrAjx00dis",
  "aud":"https://protected.example.net/resource","iss":"https://server.example.com/",
  "exp":1419356238,"iat":1419350238,"extension_field":"twenty-seven"})";

Result<Introspection, IdpFault> read(std::string_view json,
                                     const std::vector<std::string>& groups = {"groups"}) {
  return read_introspection(answer(json), groups);
}
std::string verdict_of(std::string_view json) {
  const auto read_answer = read(json);
  return read_answer ? "taken" : to_string(read_answer.error());
}
std::string said(IdpError error, std::string_view about) {
  return to_string(IdpFault{.error = error, .about = about});
}

TEST(Introspection, OfTheRfcIsRead) {
  const auto answer = read(kExample);
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->active);
  EXPECT_EQ(answer->issuer, "https://server.example.com/");
  EXPECT_EQ(answer->subject, "Z5O3upPC88QrAjx00dis");
  EXPECT_EQ(answer->username, "jdoe");
  EXPECT_EQ(answer->client_id, "l238j323ds-23ij4");
  EXPECT_EQ(answer->scope, "read write dolphin");
  EXPECT_EQ(answer->expires_at->since_epoch, seconds(1419356238));
  EXPECT_FALSE(answer->groups);
}

TEST(Introspection, ReadsNothingOfATokenThatIsNotActive) {
  const auto answer = read(R"({"active":false,"sub":7,"exp":-1})");
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->active);
}

TEST(Introspection, HasGroupsWhereTheyAre) {
  using Groups = std::vector<std::string>;
  EXPECT_EQ(read(R"({"active":true,"groups":["b","a","b"]})")->groups, (Groups{"a", "b"}));
  EXPECT_EQ(read(R"({"active":true,"groups":"a"})")->groups, (Groups{"a"}));
  EXPECT_EQ(read(R"({"active":true,"groups":[]})")->groups, Groups());
  EXPECT_EQ(read(R"({"active":true,"groups":null})")->groups, std::nullopt);
  EXPECT_EQ(
      read(R"({"active":true,"realm_access":{"roles":["r"]}})", {"realm_access", "roles"})->groups,
      (Groups{"r"}));
  EXPECT_EQ(read(R"({"active":true,"groups":7})", {})->groups, std::nullopt);
  std::string many;
  for (std::size_t i = 0; i <= limits::kTokenGroups; ++i)
    many += (i == 0 ? "\"" : ",\"g") + std::to_string(i) + '"';
  for (const std::string& groups :
       {std::string("7"), std::string("{}"), std::string("[7]"), std::string(R"(["a\nb"])"),
        std::string(R"([""])"), "[" + many + "]"})
    EXPECT_EQ(verdict_of(R"({"active":true,"groups":)" + groups + "}"),
              said(IdpError::MemberMalformed, "groups"));
}

TEST(Introspection, WithoutAPlainYesOrNoIsAFailureOfTheIdp) {
  EXPECT_EQ(verdict_of("{}"), said(IdpError::MemberMissing, "active"));
  for (const char* value : {"\"true\"", "\"false\"", "1", "0", "null", "[]"})
    EXPECT_EQ(verdict_of(R"({"active":)" + std::string(value) + "}"),
              said(IdpError::MemberMalformed, "active"));
  EXPECT_EQ(verdict_of(R"({"active":true,"active":false})"), to_string(IdpError::DuplicateMember));
  for (const IdpResponse& response :
       {error_page(200), error_page(502), error_page(302), answer("", 401),
        answer(R"({"active":false})", 500), answer(R"({"active":false})", 403),
        answer(R"({"active":false})", 200, "application/jwt")}) {
    const auto failed = read_introspection(response, {});
    ASSERT_FALSE(failed) << response.status;
    EXPECT_EQ(verdict(failed.error()), IdpVerdict::Failing) << response.status;
  }
  // RFC 7662, 2.3: it is about us.
  const auto refused = read_introspection(answer(R"({"error":"invalid_token"})", 401), {});
  EXPECT_EQ(verdict(refused.error()), IdpVerdict::Misconfigured);
}

TEST(Introspection, IsNotReadWhereAMemberIsNotAsItShouldBe) {
  for (const char* name : {"iss", "sub", "username", "client_id", "scope"})
    for (const char* value : {"7", "[]", R"("a\r\nb")", R"("\u0000")"})
      EXPECT_EQ(verdict_of(R"({"active":true,")" + std::string(name) + "\":" + value + "}"),
                said(IdpError::MemberMalformed, name));
  for (const char* value : {"-1", "9000000001", "1e300", "9223372036854775808", "\"1\"", "null"})
    EXPECT_EQ(verdict_of(R"({"active":true,"exp":)" + std::string(value) + "}"),
              said(IdpError::MemberMalformed, "exp"));
  EXPECT_EQ(verdict_of(R"({"active":true,"exp":1419356238.5,"sub":null,"username":""})"), "taken");
}

TEST(Introspection, ConfirmsTheSessionThatItIsAboutAlone) {
  const auto confirmed = [](std::string_view json, std::int64_t now = 1'000'000) {
    return confirms(*read(json), "https://idp.example", "ann", WallTime{seconds(now)});
  };
  EXPECT_TRUE(confirmed(R"({"active":true})"));
  EXPECT_TRUE(confirmed(R"({"active":true,"sub":"ann","iss":"https://idp.example"})"));
  EXPECT_FALSE(confirmed(R"({"active":false})"));
  EXPECT_FALSE(confirmed(R"({"active":true,"sub":"bob"})"));
  EXPECT_FALSE(confirmed(R"({"active":true,"sub":"ann","iss":"https://evil.example"})"));
  EXPECT_TRUE(confirmed(R"({"active":true,"exp":1000000})", 1'000'059));
  EXPECT_FALSE(confirmed(R"({"active":true,"exp":1000000})", 1'000'060));
}

}  // namespace
}  // namespace veilwire::identity
