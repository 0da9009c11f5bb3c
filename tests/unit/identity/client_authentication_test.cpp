#include "userspace/identity/client_authentication.h"

#include "tests/unit/identity/oidc_fixtures.h"
#include "userspace/base/limits.h"
#include "userspace/crypto/encoding.h"
#include "userspace/identity/jwk_set.h"
#include "userspace/identity/jws.h"

#include <set>
#include <utility>

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

class ClientAuthentication : public Conversation {
 protected:
  IdpRequest request(OidcClient client, ClientEndpoint endpoint = ClientEndpoint::Token) {
    client_ = std::move(client);
    return client_request(context(), endpoint, std::move(Form().add("a", "b"))).value();
  }
};

TEST_F(ClientAuthentication, OfAPublicClientIsItsName) {
  const IdpRequest sent = request(OidcClient::without_secret("a client"));
  EXPECT_EQ(sent.method, IdpRequest::Method::Post);
  EXPECT_EQ(sent.url.text, "https://idp.example/token");
  EXPECT_EQ(sent.body.reveal(), "a=b&client_id=a+client");
  EXPECT_TRUE(sent.authorization.empty());
  EXPECT_FALSE(sent.client_certificate);
}

TEST_F(ClientAuthentication, BySecretIsRfc6749sExample) {
  const IdpRequest sent =
      request(OidcClient::with_secret_basic("s6BhdRkqt3", secret("7Fjfp0ZBr1KtDRbnfVdmIw")));
  // 2.3.1.
  EXPECT_EQ(sent.authorization.reveal(), "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3");
  EXPECT_EQ(sent.body.reveal(), "a=b");
}

TEST_F(ClientAuthentication, BySecretIsFormEncodedBeforeBase64) {
  const IdpRequest sent =
      request(OidcClient::with_secret_basic("a:b c", secret("p%:\xc3\xa9+\r\n")));
  EXPECT_EQ(sent.authorization.reveal(),
            "Basic " + crypto::base64_encode("a%3Ab+c:p%25%3A%C3%A9%2B%0D%0A"));
}

TEST_F(ClientAuthentication, BySecretInTheBody) {
  const IdpRequest sent = request(OidcClient::with_secret_post("s6BhdRkqt3", secret("a&b=c")));
  EXPECT_EQ(sent.body.reveal(), "a=b&client_id=s6BhdRkqt3&client_secret=a%26b%3Dc");
  EXPECT_TRUE(sent.authorization.empty());
}

TEST_F(ClientAuthentication, ByCertificateGoesToTheEndpointForIt) {
  const IdpRequest sent = request(OidcClient::with_certificate("veilwire"));
  EXPECT_EQ(sent.url.text, "https://mtls.idp.example/token");
  EXPECT_EQ(sent.body.reveal(), "a=b&client_id=veilwire");
  EXPECT_TRUE(sent.client_certificate);
  EXPECT_EQ(request(OidcClient::with_certificate("veilwire"), ClientEndpoint::Revocation).url.text,
            "https://idp.example/revoke");
}

TEST_F(ClientAuthentication, GoesToTheEndpointThatIsAsked) {
  const auto url = [&](ClientEndpoint endpoint) {
    return request(OidcClient::without_secret("c"), endpoint).url.target;
  };
  EXPECT_EQ(url(ClientEndpoint::DeviceAuthorization), "/device");
  EXPECT_EQ(url(ClientEndpoint::Introspection), "/introspect");
  EXPECT_EQ(url(ClientEndpoint::Revocation), "/revoke");
  provider_.endpoints.revocation.reset();
  EXPECT_FALSE(client_request(context(), ClientEndpoint::Revocation, Form()));
}

// The key set that an IdP would have been given for the key.
JwkSet shown(const std::string& der) {
  const std::string x = crypto::base64url_encode(std::string_view(der).substr(27, 32));
  const std::string y = crypto::base64url_encode(std::string_view(der).substr(59, 32));
  return JwkSet::parse(R"({"keys":[{"kty":"EC","crv":"P-256","kid":"k","x":")" + x + R"(","y":")" +
                       y + "\"}]}")
      .value();
}

class Assertion : public ClientAuthentication {
 protected:
  // The assertion of a request by that client.
  std::string sent(OidcClient client) {
    const auto fields = parse_form(request(std::move(client)).body.reveal(), 8);
    EXPECT_EQ(*find(*fields, "client_assertion_type"),
              "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    EXPECT_EQ(find(*fields, "client_secret"), nullptr);
    return *find(*fields, "client_assertion");
  }
};

TEST_F(Assertion, SaysWhatRfc7523WantsForAMinute) {
  crypto::PrivateKey key = crypto::PrivateKey::generate();
  const JwkSet keys = shown(key.public_der());
  const std::string text = sent(
      *OidcClient::with_key("veil\"wire", std::move(key), crypto::SignatureAlgorithm::Es256, "k"));
  const auto jws = parse_jws(text);
  ASSERT_TRUE(jws);
  EXPECT_TRUE(verify(*jws, keys));
  EXPECT_EQ(jws->kid, "k");
  EXPECT_EQ(jws->type, "jwt");
  const auto claims = read_json_object(jws->payload, limits::kToken);
  ASSERT_TRUE(claims);
  EXPECT_EQ(*claims->text_at("iss"), "veil\"wire");
  EXPECT_EQ(*claims->text_at("sub"), "veil\"wire");
  EXPECT_EQ(*claims->text_at("aud"), "https://idp.example");
  EXPECT_EQ(*claims->text_at("jti"), "AAECAwQFBgcICQoLDA0ODw");
  EXPECT_EQ(claims->integer_at("iat"), 1'800'000'000);
  EXPECT_EQ(claims->integer_at("exp"), 1'800'000'060);
  EXPECT_EQ(claims->members.size(), 6U);
}

TEST_F(Assertion, IsForTheTokenEndpointWhereThatIsConfigured) {
  const std::string text = sent(*OidcClient::with_key("c", crypto::PrivateKey::generate(),
                                                      crypto::SignatureAlgorithm::Es256, "",
                                                      AssertionAudience::TokenEndpoint));
  const auto jws = parse_jws(text);
  EXPECT_EQ(jws->kid, std::nullopt);
  EXPECT_EQ(*read_json_object(jws->payload, limits::kToken)->text_at("aud"),
            "https://idp.example/token");
}

TEST_F(Assertion, IsNeverTheSameTwice) {
  client_ = *OidcClient::with_key("c", crypto::PrivateKey::generate(),
                                  crypto::SignatureAlgorithm::Es256, "");
  std::set<std::string> ids;
  for (int i = 0; i < 4; ++i) {
    const std::string text = client_.assertion("a", kWallNow, random_);
    ids.insert(*read_json_object(parse_jws(text)->payload, limits::kToken)->text_at("jti"));
  }
  EXPECT_EQ(ids.size(), 4U);
}

TEST_F(Assertion, OfANameThatIsNoUtf8IsStillAToken) {
  const std::string text = sent(*OidcClient::with_key("\xff", crypto::PrivateKey::generate(),
                                                      crypto::SignatureAlgorithm::Es256, ""));
  EXPECT_TRUE(read_json_object(parse_jws(text)->payload, limits::kToken));
}

TEST_F(Assertion, IsMadeWithAKeyThatServesAlone) {
  EXPECT_FALSE(OidcClient::with_key("c", crypto::PrivateKey::generate(),
                                    crypto::SignatureAlgorithm::Rs256, ""));
}

TEST_F(ClientAuthentication, IsComparedWithWhatTheIdpSays) {
  using enum ClientMethod;
  EXPECT_EQ(takes(provider_, ClientEndpoint::Token, SecretPost), Offer::Unstated);
  provider_.client_authentication = {"client_secret_basic", "self_signed_tls_client_auth"};
  provider_.introspection_authentication = std::vector<std::string>{"private_key_jwt"};
  EXPECT_EQ(takes(provider_, ClientEndpoint::Token, SecretBasic), Offer::Stated);
  EXPECT_EQ(takes(provider_, ClientEndpoint::Token, SecretPost), Offer::Denied);
  EXPECT_EQ(takes(provider_, ClientEndpoint::Token, Certificate), Offer::Stated);
  EXPECT_EQ(takes(provider_, ClientEndpoint::Introspection, PrivateKeyJwt), Offer::Stated);
  EXPECT_EQ(takes(provider_, ClientEndpoint::Introspection, SecretBasic), Offer::Denied);
  EXPECT_EQ(takes(provider_, ClientEndpoint::Revocation, None), Offer::Unstated);
}

}  // namespace
}  // namespace veilwire::identity
