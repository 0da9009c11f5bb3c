#include "userspace/identity/client_authentication.h"

#include "userspace/base/limits.h"
#include "userspace/crypto/encoding.h"
#include "userspace/identity/signed_jwt.h"

#include <chrono>
#include <cstdlib>
#include <utility>

#include <nlohmann/json.hpp>

namespace veilwire::identity {
namespace {

constexpr std::string_view kAssertionType =
    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

std::string text_of(const nlohmann::json& json) {
  using Bytes = nlohmann::json::error_handler_t;  // dump() throws for a client_id that is no UTF-8
  return json.dump(-1, ' ', false, Bytes::replace);
}

const std::optional<Url>& url_of(const ClientEndpoints& endpoints, ClientEndpoint endpoint) {
  switch (endpoint) {
    case ClientEndpoint::Token:
      return endpoints.token;
    case ClientEndpoint::DeviceAuthorization:
      return endpoints.device_authorization;
    case ClientEndpoint::Introspection:
      return endpoints.introspection;
    case ClientEndpoint::Revocation:
      break;
  }
  return endpoints.revocation;
}

Secret basic(const OidcClient& client) {
  SecretBuilder pair;
  append_form_encoded(pair, client.id());
  pair.append(":");
  append_form_encoded(pair, client.secret().reveal());
  const Secret plain = pair.take();
  const Secret coded(crypto::base64_encode(plain.reveal()));
  return SecretBuilder().append("Basic ").append(coded.reveal()).take();
}

}  // namespace

std::string_view to_string(ClientMethod method) {
  switch (method) {
    case ClientMethod::None:
      return "none";
    case ClientMethod::SecretBasic:
      return "client_secret_basic";
    case ClientMethod::SecretPost:
      return "client_secret_post";
    case ClientMethod::PrivateKeyJwt:
      return "private_key_jwt";
    case ClientMethod::Certificate:
      return "tls_client_auth";
  }
  return "unknown";
}

OidcClient OidcClient::without_secret(std::string id) {
  return OidcClient(std::move(id), ClientMethod::None);
}

OidcClient OidcClient::with_secret_basic(std::string id, Secret secret) {
  OidcClient client(std::move(id), ClientMethod::SecretBasic);
  client.secret_ = std::move(secret);
  return client;
}

OidcClient OidcClient::with_secret_post(std::string id, Secret secret) {
  OidcClient client(std::move(id), ClientMethod::SecretPost);
  client.secret_ = std::move(secret);
  return client;
}

OidcClient OidcClient::with_certificate(std::string id) {
  return OidcClient(std::move(id), ClientMethod::Certificate);
}

std::optional<OidcClient> OidcClient::with_key(std::string id, crypto::PrivateKey key,
                                               crypto::SignatureAlgorithm algorithm,
                                               std::string key_id, AssertionAudience audience) {
  if (!key.serves(algorithm)) return std::nullopt;
  OidcClient client(std::move(id), ClientMethod::PrivateKeyJwt);
  client.key_ = std::move(key);
  client.algorithm_ = algorithm;
  client.key_id_ = std::move(key_id);
  client.audience_ = audience;
  return client;
}

std::string OidcClient::assertion(std::string_view audience, WallTime now,
                                  const crypto::RandomSource& random) const {
  if (!key_) std::abort();
  using std::chrono::seconds;
  const auto issued = std::chrono::duration_cast<seconds>(now.since_epoch);
  nlohmann::json header = {{"alg", crypto::to_string(algorithm_)}, {"typ", "JWT"}};
  if (!key_id_.empty()) header["kid"] = key_id_;
  const nlohmann::json claims = {
      {"iss", id_},
      {"sub", id_},
      {"aud", audience},
      {"jti", crypto::base64url_encode(crypto::random_bytes(random, 16))},
      {"iat", issued.count()},
      {"exp", (issued + limits::kAssertionLife).count()}};
  return signed_jwt(*key_, algorithm_, text_of(header), text_of(claims));
}

std::optional<IdpRequest> client_request(const ClientContext& context, ClientEndpoint endpoint,
                                         Form form) {
  const auto& [provider, client, now, random] = context;
  const bool certificate = client.method() == ClientMethod::Certificate;
  const std::optional<Url>& url =
      url_of(certificate ? provider.by_certificate : provider.endpoints, endpoint);
  if (!url) return std::nullopt;

  IdpRequest request;
  request.method = IdpRequest::Method::Post;
  request.url = *url;
  request.client_certificate = certificate;
  switch (client.method()) {
    case ClientMethod::None:
    case ClientMethod::Certificate:
      form.add("client_id", client.id());
      break;
    case ClientMethod::SecretBasic:
      request.authorization = basic(client);
      break;
    case ClientMethod::SecretPost:
      form.add("client_id", client.id()).add("client_secret", client.secret().reveal());
      break;
    case ClientMethod::PrivateKeyJwt: {
      const bool to_endpoint =
          client.audience() == AssertionAudience::TokenEndpoint && provider.endpoints.token;
      const std::string& audience =
          to_endpoint ? provider.endpoints.token->text : provider.issuer.text;
      form.add("client_assertion_type", kAssertionType)
          .add("client_assertion", client.assertion(audience, now, random));
      break;
    }
  }
  request.body = form.take();
  return request;
}

Offer takes(const OidcProvider& provider, ClientEndpoint endpoint, ClientMethod method) {
  const Listed* listed = &provider.client_authentication;
  if (endpoint == ClientEndpoint::Introspection) listed = &provider.introspection_authentication;
  if (endpoint == ClientEndpoint::Revocation) listed = &provider.revocation_authentication;
  const Offer offered = offer(*listed, to_string(method));
  if (method != ClientMethod::Certificate || offered != Offer::Denied) return offered;
  return offer(*listed, "self_signed_tls_client_auth");
}

}  // namespace veilwire::identity
