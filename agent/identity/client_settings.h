// By which name an IdP knows us, and how we prove that we are it. Tested by
// tests/unit/identity/oidc_settings_test.cpp.
#pragma once

#include "agent/host/config.h"
#include "userspace/base/secret.h"
#include "userspace/identity/client_authentication.h"
#include "userspace/wire/tls_context.h"

#include <memory>
#include <optional>
#include <string>

namespace veilwire::agent_identity {

struct ClientSettings {
  std::string id;
  identity::ClientMethod method = identity::ClientMethod::None;
  std::string secret_file = {};  // of the methods with a secret
  std::string key_file = {};     // of PrivateKeyJwt and Certificate, PEM
  std::string key_id = {};
  std::string certificate_file = {};                         // of Certificate, PEM, its own first
  std::optional<crypto::SignatureAlgorithm> algorithm = {};  // nothing: the key says which
  identity::AssertionAudience audience = identity::AssertionAudience::Issuer;
};

// Asks the section for the keys that begin with client_; the caller checks it. Throws
// std::runtime_error.
ClientSettings read_client(const host::ConfigSection& section);

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
