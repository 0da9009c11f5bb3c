// The token endpoint: what each grant asks for, and the tokens that come back (RFC
// 6749, 4.1.3, 4.4, 5 and 6; RFC 7636, 4.5; RFC 8628, 3.4). Tokens are opaque here, verify_token()
// says what they prove. Tested by tests/unit/identity/token_request_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/secret.h"
#include "userspace/base/time.h"
#include "userspace/identity/client_authentication.h"
#include "userspace/identity/idp_fault.h"
#include "userspace/identity/idp_message.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::identity {

// Each is nullopt where the IdP has no token endpoint.
std::optional<IdpRequest> code_request(const ClientContext& context, const Secret& code,
                                       std::string_view redirect_uri, const Secret& verifier);
// An answer that is lost may have rotated the token, and a second try with the old one then looks
// like theft, for which an IdP may end the whole grant (RFC 9700, 4.14.2): one request at a time.
std::optional<IdpRequest> refresh_request(const ClientContext& context,
                                          const Secret& refresh_token);
std::optional<IdpRequest> device_code_request(const ClientContext& context,
                                              const Secret& device_code);
// scope and resource (RFC 8707) may be empty.
std::optional<IdpRequest> client_credentials_request(const ClientContext& context,
                                                     std::string_view scope,
                                                     std::string_view resource);

struct Tokens {
  Secret access_token;
  Secret refresh_token;  // empty: there is none
  Secret id_token;       // the same
  std::string scope;     // as granted; empty: as asked for
  Secret proof_key;      // that they may be bound to, in PEM; empty: they are not
  bool bound = false;    // the access token is, for certain
  // The life of the access token. Begins when it was asked for: it cannot have been made earlier.
  Monotonic since;
  Monotonic until;
};

// OpenID Connect Core 1.0, 3.1.3.3 and 12.2: a sign-in gives one, a refresh may.
enum class IdToken : std::uint8_t { Required, Optional };

// What type of access token is taken (RFC 6750, RFC 9449, 5). With a proof we may get Bearer all
// the same: from an IdP that does not bind it, and there the refresh token may be bound alone.
enum class TokenType : std::uint8_t { Bearer, Either, Dpop };

// expires_in is cut at limits::kTokenLifeMost; where it is absent, kTokenLifeUnstated.
Result<Tokens, IdpFault> read_tokens(const IdpResponse& response, IdToken id_token,
                                     Monotonic asked_at, TokenType wanted = TokenType::Bearer);

// Takes over what a refresh gave. What it did not give again stays: an IdP that does not rotate
// refresh tokens sends none (RFC 6749, 6), and the key stays that of the sign-in. An ID token among
// it is for the caller to verify first, and must be about the same subject (OpenID Connect
// Core 1.0, 12.2).
void renew(Tokens& held, Tokens&& fresh);

}  // namespace veilwire::identity
