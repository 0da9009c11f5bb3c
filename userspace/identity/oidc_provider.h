// What an IdP says about itself (OpenID Connect Discovery 1.0, 4; RFC 8414): where its endpoints
// are and what they take. Whoever can change this document can have our credentials, so it must
// name exactly the issuer that is configured and none but https endpoints (RFC 9700, 4.4: mix-up).
// Tested by tests/unit/identity/oidc_provider_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/identity/idp_fault.h"
#include "userspace/identity/idp_message.h"
#include "userspace/identity/url.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::identity {

// What the document lists; nullopt: it does not say. Many IdPs offer more than they list, so that
// what is Unstated is worth trying and what is Denied is not.
using Listed = std::optional<std::vector<std::string>>;
enum class Offer : std::uint8_t { Stated, Unstated, Denied };
Offer offer(const Listed& listed, std::string_view name);

// Endpoints that a client authenticates to; an IdP may have others for clients that do so by
// certificate (RFC 8705, 5).
struct ClientEndpoints {
  std::optional<Url> token;
  std::optional<Url> device_authorization;  // RFC 8628, 4
  std::optional<Url> introspection;
  std::optional<Url> revocation;
};

struct OidcProvider {
  Url issuer;
  Url jwks_uri;
  // IdPs of build systems have keys and nothing else.
  std::optional<Url> authorization_endpoint;
  std::optional<Url> end_session_endpoint;
  std::optional<Url> userinfo_endpoint;
  ClientEndpoints endpoints;
  ClientEndpoints by_certificate;  // equal to endpoints where the IdP names no other
  Listed grant_types;
  Listed client_authentication;  // of the token endpoint
  Listed introspection_authentication;
  Listed revocation_authentication;
  Listed code_challenge_methods;
  Listed scopes;
  Listed proof_algorithms;    // of DPoP (RFC 9449, 5.1)
  bool sends_issuer = false;  // in every authorization response (RFC 9207)
};

// nullopt: an issuer that cannot be one, which is no https URL or has a query (Discovery 1.0, 3).
// Plain http is for tests, to a loopback address.
std::optional<Url> parse_issuer(std::string_view issuer);

// issuer: as it is configured; the request goes below it (Discovery 1.0, 4.1).
IdpRequest discovery_request(const Url& issuer);
// Of a transmitter of events (Shared Signals Framework 1.0, 7.2): its document is read alike, and
// lies at the root of the host, with the issuer's path behind.
IdpRequest transmitter_discovery_request(const Url& issuer);

Result<OidcProvider, IdpFault> read_discovery(const IdpResponse& response, const Url& issuer);

}  // namespace veilwire::identity
