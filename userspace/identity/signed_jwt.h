// A JWT that we sign, in JWS's compact form (RFC 7515, 3.1): what proves to an IdP who we are, or
// that we hold a key. Tested with those that make one.
#pragma once

#include "userspace/crypto/private_key.h"

#include <string>
#include <string_view>

namespace veilwire::identity {

// Header and claims are JSON; the header's `alg` is the algorithm, which the key serves.
std::string signed_jwt(const crypto::PrivateKey& key, crypto::SignatureAlgorithm algorithm,
                       std::string_view header, std::string_view claims);

}  // namespace veilwire::identity
