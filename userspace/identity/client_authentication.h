// How we prove to an IdP which client we are (RFC 6749, 2.3; OpenID Connect Core 1.0, 9; RFC 7523,
// 2.2; RFC 8705, 2). Tested by tests/unit/identity/client_authentication_test.cpp.
#pragma once

#include "userspace/base/secret.h"
#include "userspace/base/time.h"
#include "userspace/crypto/private_key.h"
#include "userspace/crypto/random.h"
#include "userspace/identity/form.h"
#include "userspace/identity/idp_message.h"
#include "userspace/identity/oidc_provider.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::identity {

enum class ClientMethod : std::uint8_t {
  None,           // a public client: only its name
  SecretBasic,    // both in Authorization, form-encoded before base64
  SecretPost,     // both in the body
  PrivateKeyJwt,  // an assertion that our key has signed
  Certificate,    // that of the TLS connection; the body has the name only (RFC 8705, 2)
};
std::string_view to_string(ClientMethod method);  // client_secret_basic

// Whom an assertion is for. An IdP that can choose the audience by the endpoint that it publishes
// could have us sign what another IdP takes (CVE-2025-27370), so that it is the issuer; some IdPs
// take their token endpoint alone, as RFC 7523, 3 allows.
enum class AssertionAudience : std::uint8_t { Issuer, TokenEndpoint };

class OidcClient {
 public:
  static OidcClient without_secret(std::string id);
  static OidcClient with_secret_basic(std::string id, Secret secret);
  static OidcClient with_secret_post(std::string id, Secret secret);
  static OidcClient with_certificate(std::string id);
  // key_id: the kid under which the IdP knows the key; may be empty. nullopt: the key does not
  // serve the algorithm.
  static std::optional<OidcClient> with_key(std::string id, crypto::PrivateKey key,
                                            crypto::SignatureAlgorithm algorithm,
                                            std::string key_id,
                                            AssertionAudience audience = AssertionAudience::Issuer);

  const std::string& id() const { return id_; }
  ClientMethod method() const { return method_; }
  const Secret& secret() const { return secret_; }
  // RFC 7523, 3: for limits::kAssertionLife, with a jti of its own. Of a client with a key only.
  std::string assertion(std::string_view audience, WallTime now,
                        const crypto::RandomSource& random) const;
  AssertionAudience audience() const { return audience_; }

 private:
  OidcClient(std::string id, ClientMethod method) : id_(std::move(id)), method_(method) {}

  std::string id_;
  ClientMethod method_;
  Secret secret_;
  std::optional<crypto::PrivateKey> key_;
  crypto::SignatureAlgorithm algorithm_{};
  std::string key_id_;
  AssertionAudience audience_ = AssertionAudience::Issuer;
};

enum class ClientEndpoint : std::uint8_t { Token, DeviceAuthorization, Introspection, Revocation };

// What a request of ours is made with.
struct ClientContext {
  const OidcProvider& provider;
  const OidcClient& client;
  WallTime now;
  const crypto::RandomSource& random;
};

// The form as a Post, with what proves who we are. nullopt: the IdP has no such endpoint.
std::optional<IdpRequest> client_request(const ClientContext& context, ClientEndpoint endpoint,
                                         Form form);

// Whether the IdP says that it takes the client's method there; Unstated where it says nothing.
Offer takes(const OidcProvider& provider, ClientEndpoint endpoint, ClientMethod method);

}  // namespace veilwire::identity
