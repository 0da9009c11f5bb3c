#include "userspace/identity/oidc_provider.h"

#include "tests/unit/identity/idp_responses.h"

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

const Url kIssuer = parse_issuer("https://server.example.com").value();

// The document that is just enough, with more members.
std::string document(const std::string& more = {}) {
  return R"({"issuer":"https://server.example.com","jwks_uri":"https://server.example.com/jwks.json")" +
         more + "}";
}
std::string verdict_of(std::string_view json, const Url& issuer = kIssuer) {
  const auto provider = read_discovery(answer(json), issuer);
  return provider ? "taken" : to_string(provider.error());
}
std::string said(IdpError error, std::string_view about) {
  return to_string(IdpFault{.error = error, .about = about});
}

TEST(OidcProvider, OfTheSpecificationsExampleIsRead) {
  // OpenID Connect Discovery 1.0, 4.2 and RFC 8414, 3.2, the members that we read.
  const auto provider = read_discovery(answer(R"({
   "issuer": "https://server.example.com",
   "authorization_endpoint": "https://server.example.com/connect/authorize",
   "token_endpoint": "https://server.example.com/connect/token",
   "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
   "token_endpoint_auth_signing_alg_values_supported": ["RS256", "ES256"],
   "userinfo_endpoint": "https://server.example.com/connect/userinfo",
   "check_session_iframe": "https://server.example.com/connect/check_session",
   "end_session_endpoint": "https://server.example.com/connect/end_session",
   "jwks_uri": "https://server.example.com/jwks.json",
   "scopes_supported": ["openid", "profile", "email"],
   "dpop_signing_alg_values_supported": ["ES256", "EdDSA"],
   "response_types_supported": ["code", "code id_token", "id_token"],
   "grant_types_supported": ["authorization_code", "refresh_token"],
   "introspection_endpoint": "https://other.example.com/introspect",
   "revocation_endpoint": "https://server.example.com/revoke",
   "device_authorization_endpoint": "https://server.example.com/device",
   "code_challenge_methods_supported": ["S256"],
   "authorization_response_iss_parameter_supported": true,
   "claims_parameter_supported": true,
   "ui_locales_supported": ["en-US", "fr-CA"]})"),
                                       kIssuer);
  ASSERT_TRUE(provider) << to_string(provider.error());
  EXPECT_EQ(provider->authorization_endpoint->text, "https://server.example.com/connect/authorize");
  EXPECT_EQ(provider->endpoints.token->target, "/connect/token");
  EXPECT_EQ(provider->endpoints.device_authorization->target, "/device");
  EXPECT_EQ(provider->endpoints.introspection->host, "other.example.com");
  EXPECT_EQ(provider->endpoints.revocation->target, "/revoke");
  EXPECT_EQ(provider->end_session_endpoint->target, "/connect/end_session");
  EXPECT_EQ(provider->by_certificate.token, provider->endpoints.token);
  EXPECT_TRUE(provider->sends_issuer);
  EXPECT_EQ(offer(provider->client_authentication, "private_key_jwt"), Offer::Stated);
  EXPECT_EQ(offer(provider->client_authentication, "none"), Offer::Denied);
  EXPECT_EQ(offer(provider->grant_types, "refresh_token"), Offer::Stated);
  EXPECT_EQ(offer(provider->grant_types, "client_credentials"), Offer::Denied);
  EXPECT_EQ(offer(provider->introspection_authentication, "none"), Offer::Unstated);
  EXPECT_EQ(offer(provider->code_challenge_methods, "S256"), Offer::Stated);
  EXPECT_EQ(offer(provider->proof_algorithms, "ES256"), Offer::Stated);
}

TEST(OidcProvider, OfABuildSystemHasKeysAlone) {
  const auto provider = read_discovery(answer(document()), kIssuer);
  ASSERT_TRUE(provider);
  EXPECT_EQ(provider->jwks_uri.target, "/jwks.json");
  EXPECT_FALSE(provider->endpoints.token);
  EXPECT_FALSE(provider->sends_issuer);
  EXPECT_EQ(verdict_of(document(R"(,"token_endpoint":null,"grant_types_supported":null)")),
            "taken");
}

TEST(OidcProvider, IsAskedBelowItsIssuer) {
  const auto target = [](std::string_view issuer) {
    const IdpRequest request = discovery_request(parse_issuer(issuer).value());
    EXPECT_EQ(request.method, IdpRequest::Method::Get);
    EXPECT_EQ(parse_url(request.url.text, PlainHttp::Loopback)->target, request.url.target);
    return request.url.target;
  };
  EXPECT_EQ(target("https://example.com"), "/.well-known/openid-configuration");
  EXPECT_EQ(target("https://example.com/"), "/.well-known/openid-configuration");
  EXPECT_EQ(target("https://example.com/issuer1"), "/issuer1/.well-known/openid-configuration");
  EXPECT_EQ(target("https://example.com/a/"), "/a/.well-known/openid-configuration");
}

TEST(OidcProvider, ATransmitterIsAskedAtTheRootOfItsHost) {
  const auto asked = [](std::string_view issuer) {
    const IdpRequest request = transmitter_discovery_request(parse_issuer(issuer).value());
    EXPECT_EQ(parse_url(request.url.text, PlainHttp::Loopback)->target, request.url.target);
    return request.url.text;
  };
  EXPECT_EQ(asked("https://example.com"), "https://example.com/.well-known/ssf-configuration");
  EXPECT_EQ(asked("https://example.com/"), "https://example.com/.well-known/ssf-configuration");
  EXPECT_EQ(asked("https://example.com:8443/a"),
            "https://example.com:8443/.well-known/ssf-configuration/a");
  EXPECT_EQ(asked("http://127.0.0.1:80"), "http://127.0.0.1:80/.well-known/ssf-configuration");
}

TEST(OidcProvider, MustBeTheOneThatIsConfiguredToTheByte) {
  for (const char* other : {"https://server.example.com/", "https://SERVER.example.com",
                            "https://server.example.com:443", "https://evil.example",
                            "http://server.example.com", "", "https://server.example.com\\u0000"})
    EXPECT_EQ(verdict_of(R"({"issuer":")" + std::string(other) +
                         R"(","jwks_uri":"https://server.example.com/jwks.json"})"),
              said(IdpError::WrongIssuer, "issuer"))
        << other;
  EXPECT_EQ(verdict_of(R"({"jwks_uri":"https://server.example.com/jwks.json"})"),
            said(IdpError::MemberMissing, "issuer"));
  EXPECT_EQ(verdict_of(R"({"issuer":["https://server.example.com"],"jwks_uri":"https://a/"})"),
            said(IdpError::MemberMissing, "issuer"));
  EXPECT_EQ(verdict_of(R"({"issuer":"https://server.example.com","issuer":"https://evil.example",)"
                       R"("jwks_uri":"https://server.example.com/jwks.json"})"),
            to_string(IdpError::DuplicateMember));
}

TEST(OidcProvider, IsRefusedForOneEndpointThatIsNotHttps) {
  for (const char* name : {"authorization_endpoint", "token_endpoint",
                           "device_authorization_endpoint", "introspection_endpoint",
                           "revocation_endpoint", "end_session_endpoint", "userinfo_endpoint"})
    for (const char* url :
         {R"("http://server.example.com/x")", R"("http://127.0.0.1/x")", R"("file:///etc/passwd")",
          R"("javascript:alert")", R"("/relative")", R"("")", "7", R"(["https://a.example/"])",
          R"("https://server.example.com/x\r\nHost: evil.example")", R"("https://a@b.example/")"})
      EXPECT_EQ(verdict_of(document(",\"" + std::string(name) + "\":" + url)),
                said(IdpError::InsecureEndpoint, name))
          << url;
  EXPECT_EQ(verdict_of(R"({"issuer":"https://server.example.com","jwks_uri":"http://a.example/"})"),
            said(IdpError::InsecureEndpoint, "jwks_uri"));
  EXPECT_EQ(verdict_of(R"({"issuer":"https://server.example.com"})"),
            said(IdpError::MemberMissing, "jwks_uri"));
}

TEST(OidcProvider, OfATestMayBePlainHttpOnLoopback) {
  const Url issuer = parse_issuer("http://127.0.0.1:8080").value();
  EXPECT_EQ(verdict_of(R"({"issuer":"http://127.0.0.1:8080","jwks_uri":"http://127.0.0.1:8080/k",)"
                       R"("token_endpoint":"http://[::1]:8080/t"})",
                       issuer),
            "taken");
  EXPECT_EQ(
      verdict_of(R"({"issuer":"http://127.0.0.1:8080","jwks_uri":"http://idp.example/k"})", issuer),
      said(IdpError::InsecureEndpoint, "jwks_uri"));
}

TEST(OidcProvider, HasAnIssuerThatCanBeOne) {
  EXPECT_TRUE(parse_issuer("https://idp.example/realms/one"));
  for (const char* text : {"idp.example", "http://idp.example", "https://idp.example?x=1",
                           "https://idp.example/#x", ""})
    EXPECT_FALSE(parse_issuer(text)) << text;
}

TEST(OidcProvider, MayHaveOtherEndpointsForClientsWithCertificates) {
  const auto provider = read_discovery(
      answer(document(R"(,"token_endpoint":"https://a.example/t","revocation_endpoint":)"
                      R"("https://a.example/r","mtls_endpoint_aliases":)"
                      R"({"token_endpoint":"https://mtls.a.example/t"})")),
      kIssuer);
  ASSERT_TRUE(provider);
  EXPECT_EQ(provider->endpoints.token->host, "a.example");
  EXPECT_EQ(provider->by_certificate.token->host, "mtls.a.example");
  EXPECT_EQ(provider->by_certificate.revocation->host, "a.example");
  EXPECT_EQ(
      verdict_of(document(R"(,"mtls_endpoint_aliases":{"token_endpoint":"http://a.example/t"})")),
      said(IdpError::InsecureEndpoint, "token_endpoint"));
}

TEST(OidcProvider, ListsTextsAndNothingElse) {
  for (const char* name : {"grant_types_supported", "token_endpoint_auth_methods_supported",
                           "code_challenge_methods_supported", "scopes_supported",
                           "dpop_signing_alg_values_supported"})
    for (const char* value : {R"("S256")", "7", R"([7])", R"([""])", R"(["a\nb"])", R"({})"})
      EXPECT_EQ(verdict_of(document(",\"" + std::string(name) + "\":" + value)),
                said(IdpError::MemberMalformed, name));
  EXPECT_EQ(verdict_of(document(R"(,"authorization_response_iss_parameter_supported":"true")")),
            said(IdpError::MemberMalformed, "authorization_response_iss_parameter_supported"));
}

TEST(OidcProvider, IsNotReadFromAnythingButAnAnswer) {
  for (const int status : {301, 302, 307, 404, 500}) {
    IdpResponse moved = answer(document(), status);
    EXPECT_FALSE(read_discovery(moved, kIssuer)) << status;
  }
  EXPECT_FALSE(read_discovery(answer(document(), 200, "text/html"), kIssuer));
  EXPECT_EQ(verdict_of(document(std::string(limits::kIdpAnswer, ' '))),
            to_string(IdpError::TooLarge));
}

}  // namespace
}  // namespace veilwire::identity
