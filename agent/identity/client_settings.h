// By which name an IdP knows us, and how we prove that we are it. Tested by
// tests/unit/identity/oidc_settings_test.cpp.
#pragma once

#include "agent/host/config.h"
#include "userspace/base/secret.h"
#include "userspace/identity/client_authentication.h"
#include "userspace/wire/tls_context.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace veilwire::agent_identity {

// Whether what the IdP gives to people is bound to a key of ours, so that who has nothing else
// cannot use it. A certificate binds it by itself (RFC 8705, 4 and 7).
enum class SenderConstraint : std::uint8_t {
  IfOffered,  // DPoP, where the IdP says that it takes it
  Dpop,       // and no token that is not bound
  None,
};

struct ClientSettings {
  std::string id;
  identity::ClientMethod method = identity::ClientMethod::None;
  std::string secret_file = {};  // of the methods with a secret
  std::string key_file = {};     // of PrivateKeyJwt and Certificate, PEM
  std::string key_id = {};
  std::string certificate_file = {};                         // of Certificate, PEM, its own first
  std::optional<crypto::SignatureAlgorithm> algorithm = {};  // nothing: the key says which
  identity::AssertionAudience audience = identity::AssertionAudience::Issuer;
  SenderConstraint constraint = SenderConstraint::None;
};

// Asks the section for the keys that begin with client_; the caller checks it. Throws
// std::runtime_error.
ClientSettings read_client(const host::ConfigSection& section);

// The same for the key sender_constrained, of clients that people sign in with.
SenderConstraint read_constraint(const host::ConfigSection& section, identity::ClientMethod method);

// Reads the secret or key. Throws std::runtime_error that says what to do.
identity::OidcClient make_client(const ClientSettings& settings);

// For connections to an IdP: whom to trust, and the certificate that proves who we are where the
// client has one. Reads them. Throws std::runtime_error that says what to do.
std::shared_ptr<wire::TlsClientContext> make_tls(const std::string& roots,
                                                 const ClientSettings& settings);

// What a file holds, without the end of its line. Throws std::runtime_error: everybody may read it,
// or it is empty.
Secret read_secret(const std::string& path);

}  // namespace veilwire::agent_identity
