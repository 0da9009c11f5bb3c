// Tokens that are of no use to who has nothing else (RFC 9449): each sign-in has a key, the IdP
// binds what it gives to that, and each use of it comes with a proof that the key has signed. So a
// refresh token that has leaked refreshes nothing. Tested by tests/unit/identity/dpop_test.cpp.
#pragma once

#include "userspace/base/secret.h"
#include "userspace/base/time.h"
#include "userspace/crypto/private_key.h"
#include "userspace/crypto/random.h"
#include "userspace/identity/idp_message.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace veilwire::identity {

// What names a key everywhere (RFC 7638): base64url of the SHA-256 of its JWK, written with the
// required members alone, in the order of their names and without white space.
std::string jwk_thumbprint(std::string_view jwk);

class ProofKey {
 public:
  static ProofKey make();
  static std::optional<ProofKey> from_pem(std::string_view pem);  // nullopt: not one of ours
  Secret to_pem() const { return key_.to_pem(); }

  // As a sign-in in a browser names it, so that its code is bound as well (10).
  std::string thumbprint() const;

  // What the request shows in its field DPoP (4.2), for this one time. access_token: the one that
  // goes with the request; nullptr: none does. nonce: the server's last; empty: it has given none.
  std::string proof(const IdpRequest& request, const Secret* access_token, std::string_view nonce,
                    WallTime now, const crypto::RandomSource& random) const;

 private:
  ProofKey(crypto::PrivateKey key, std::string x, std::string y)
      : key_(std::move(key)), x_(std::move(x)), y_(std::move(y)) {}
  static std::optional<ProofKey> from(crypto::PrivateKey key);

  crypto::PrivateKey key_;
  std::string x_, y_;
};

// Whether the request was refused for the nonce of its proof alone: nothing was carried out, and
// with the one that came it may go through (8, 9).
bool wants_nonce(const IdpResponse& response);
// 8.1. What else comes there is no nonce.
bool is_nonce(std::string_view text);

}  // namespace veilwire::identity
