#include "userspace/identity/authorization_request.h"

#include "tests/unit/identity/oidc_fixtures.h"
#include "userspace/base/limits.h"
#include "userspace/identity/pkce.h"

#include <set>

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

class Authorization : public ::testing::Test {
 protected:
  AuthorizationRequest make(const SignInWish& wish = {}) {
    return AuthorizationRequest::make(provider_, "veilwire", {.port = 50719}, wish, random_)
        .value();
  }
  static std::vector<FormField> query(const AuthorizationRequest& request) {
    return parse_form(request.url().substr(request.url().find('?') + 1), 32).value();
  }
  static std::string state(const AuthorizationRequest& request) {
    return *find(query(request), "state");
  }
  // The target of a callback to it, with its state.
  static std::string callback(const AuthorizationRequest& request, const std::string& more) {
    return "/callback?state=" + state(request) + more;
  }
  static std::string verdict_of(AuthorizationRequest& request, std::string_view target) {
    const auto code = request.take_callback(target);
    return code ? std::string(code->reveal()) : std::string(to_string(code.error().error));
  }
  static std::string said(CallbackError error) { return std::string(to_string(error)); }

  static constexpr const char* kIssuer = "&iss=https%3A%2F%2Fidp.example";
  OidcProvider provider_ = provider();
  crypto::RandomSource random_ = counting();
};

TEST_F(Authorization, IsAskedForWithStateNonceAndChallenge) {
  const AuthorizationRequest request = make({.scope = "openid groups",
                                             .acr_values = "phr",
                                             .prompt = "login",
                                             .login_hint = "ann@example.com",
                                             .max_age = std::chrono::seconds(300),
                                             .proof_key = "thumbprint"});
  EXPECT_TRUE(request.url().starts_with("https://idp.example/authorize?response_type=code&"));
  const auto fields = query(request);
  EXPECT_EQ(*find(fields, "client_id"), "veilwire");
  EXPECT_EQ(*find(fields, "redirect_uri"), "http://127.0.0.1:50719/callback");
  EXPECT_EQ(*find(fields, "scope"), "openid groups");
  EXPECT_EQ(*find(fields, "nonce"), request.nonce());
  EXPECT_EQ(*find(fields, "code_challenge"), code_challenge(request.verifier().reveal()));
  EXPECT_EQ(*find(fields, "code_challenge_method"), "S256");
  EXPECT_EQ(*find(fields, "acr_values"), "phr");
  EXPECT_EQ(*find(fields, "prompt"), "login");
  EXPECT_EQ(*find(fields, "login_hint"), "ann@example.com");
  EXPECT_EQ(*find(fields, "max_age"), "300");
  EXPECT_EQ(*find(fields, "dpop_jkt"), "thumbprint");
  EXPECT_EQ(find(query(make()), "dpop_jkt"), nullptr);
  const std::set<std::string> secrets = {std::string(request.verifier().reveal()), request.nonce(),
                                         state(request)};
  EXPECT_EQ(secrets.size(), 3U);
  EXPECT_EQ(request.url().find(request.verifier().reveal()), std::string::npos);
}

TEST_F(Authorization, LeavesTheQueryOfTheEndpointAsItIs) {
  provider_.authorization_endpoint = parse_url("https://idp.example/a?tenant=1", PlainHttp::No);
  EXPECT_TRUE(make().url().starts_with("https://idp.example/a?tenant=1&response_type=code&"));
}

TEST_F(Authorization, ComesBackToALoopbackAddress) {
  EXPECT_EQ(to_uri({.port = 1, .path = "/x"}), "http://127.0.0.1:1/x");
  EXPECT_EQ(to_uri({.port = 65535, .ipv6 = true}), "http://[::1]:65535/callback");
}

TEST_F(Authorization, NeedsAnEndpointThatDoesNotDenyS256) {
  const auto possible = [&] {
    return AuthorizationRequest::make(provider_, "c", {}, {}, random_).has_value();
  };
  EXPECT_TRUE(possible());
  provider_.code_challenge_methods = {"plain", "S256"};
  EXPECT_TRUE(possible());
  provider_.code_challenge_methods = std::vector<std::string>{"plain"};
  EXPECT_FALSE(possible());
  provider_.code_challenge_methods.reset();
  provider_.authorization_endpoint.reset();
  EXPECT_FALSE(possible());
}

TEST_F(Authorization, GivesTheCodeOnce) {
  AuthorizationRequest request = make();
  const std::string target = callback(request, std::string(kIssuer) + "&code=Splxl%2FOBe");
  EXPECT_EQ(verdict_of(request, target), "Splxl/OBe");
  EXPECT_EQ(verdict_of(request, target), said(CallbackError::Spent));
}

TEST_F(Authorization, WaitsOnWhileStrangersCall) {
  AuthorizationRequest request = make();
  const std::string other = state(make());
  for (const std::string& target :
       {std::string("/callback"), std::string("/callback?"), std::string("/callback?code=a"),
        "/callback?code=a&state=" + other, "/callback?code=a&state=" + state(request) + "x",
        "/callback?code=a&state=" + state(request).substr(1),
        std::string("/callback?state=&code=a"), std::string("/callback?error=access_denied")})
    EXPECT_EQ(verdict_of(request, target), said(CallbackError::WrongState)) << target;
  for (const char* path : {"", "/", "/favicon.ico", "/callback/", "/Callback", "/callback%3F",
                           "http://127.0.0.1:50719/callback", "//callback"})
    EXPECT_EQ(verdict_of(request, std::string(path) + "?code=a&state=" + state(request)),
              said(CallbackError::WrongPath))
        << path;
  EXPECT_EQ(verdict_of(request, callback(request, std::string(kIssuer) + "&code=a")), "a");
}

TEST_F(Authorization, RefusesAParameterThatComesTwice) {
  AuthorizationRequest request = make();
  for (const char* more : {"&code=a&code=b", "&code=a&c%6fde=b", "&state=x&code=a",
                           "&code=a&iss=https://idp.example&iss=https://evil.example",
                           "&code=a&session_state=1&session_state=2", "&code=%zz", "&code=a b"})
    EXPECT_EQ(verdict_of(request, callback(request, more)), said(CallbackError::Malformed)) << more;
  std::string many;
  for (int i = 0; i < 40; ++i) many += "&p" + std::to_string(i) + "=";
  EXPECT_EQ(verdict_of(request, callback(request, many)), said(CallbackError::Malformed));
  EXPECT_EQ(verdict_of(request, callback(request, "&code=" + std::string(limits::kCallback, 'a'))),
            said(CallbackError::Malformed));
}

TEST_F(Authorization, IsNotMixedUpWithAnotherIdps) {
  for (const char* issuer :
       {"", "&iss=https%3A%2F%2Fevil.example", "&iss=", "&iss=https%3A%2F%2Fidp.example%2F",
        "&iss=https%3A%2F%2FIDP.example", "&iss=https%3A%2F%2Fidp.example%00"}) {
    AuthorizationRequest request = make();
    EXPECT_EQ(verdict_of(request, callback(request, std::string("&code=a") + issuer)),
              said(CallbackError::WrongIssuer))
        << issuer;
    EXPECT_EQ(verdict_of(request, callback(request, std::string("&code=a") + kIssuer)),
              said(CallbackError::Spent));
  }
  // RFC 9207, 2.2: errors have it too.
  AuthorizationRequest request = make();
  EXPECT_EQ(verdict_of(request, callback(request, "&error=access_denied")),
            said(CallbackError::WrongIssuer));
}

TEST_F(Authorization, OfAnIdpThatDoesNotSayWhoItIsIsCheckedWhereItDoes) {
  provider_.sends_issuer = false;
  AuthorizationRequest a = make(), b = make();
  EXPECT_EQ(verdict_of(a, callback(a, "&code=a")), "a");
  EXPECT_EQ(verdict_of(b, callback(b, "&code=a&iss=https%3A%2F%2Fevil.example")),
            said(CallbackError::WrongIssuer));
}

TEST_F(Authorization, MayBeRefusedInWordsThatCanBeShown) {
  AuthorizationRequest request = make();
  const auto refused = request.take_callback(callback(
      request,
      std::string(kIssuer) + "&error=access_denied&error_description=a%0D%0ASet-Cookie:%1b[2J"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error, CallbackError::Refused);
  EXPECT_EQ(refused.error().code, OAuthError::AccessDenied);
  EXPECT_EQ(refused.error().said, "a??Set-Cookie:?[2J");
}

TEST_F(Authorization, WithoutOneCodeIsOver) {
  for (const char* more : {"", "&code=", "&code=a&error=x", "&code=a%20b", "&code=a%0d%0ab",
                           "&code=%c3%a9", "&session_state=1"}) {
    AuthorizationRequest request = make();
    EXPECT_EQ(verdict_of(request, callback(request, std::string(kIssuer) + more)),
              said(CallbackError::NoCode))
        << more;
  }
}

}  // namespace
}  // namespace veilwire::identity
