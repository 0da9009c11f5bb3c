// The signed envelope of every token: compact JWS (RFC 7515, 7.1), read in the strictest way. The
// header is what an attacker writes before anybody has vouched for it, so it may choose among our
// keys and algorithms and bring nothing of its own (RFC 8725, 3). Tested by
// tests/unit/identity/jws_test.cpp with the vectors of RFC 7515, 7520 and 8037.
#pragma once

#include "userspace/base/result.h"
#include "userspace/crypto/public_key.h"
#include "userspace/identity/jwk_set.h"
#include "userspace/identity/token_error.h"

#include <optional>
#include <string>
#include <string_view>

namespace veilwire::identity {

struct Jws {
  crypto::SignatureAlgorithm algorithm{};
  std::optional<std::string> kid;
  std::optional<std::string> type;  // `typ` in lower case and without "application/" (4.1.9)
  std::string payload;              // believed by nobody until verify() has succeeded
  std::string signature;
  std::string_view signed_part;  // of the token, which must outlive it
};

// Refuses `jku`, `jwk`, `x5u` and `x5c`, which bring a key; `crit` and `b64`, which change how the
// rest is read (RFC 7515, 4.1.11; RFC 7797). Other headers are ignored, as 4 wants it.
Result<Jws, TokenFault> parse_jws(std::string_view token);

Result<void, TokenFault> verify(const Jws& jws, const JwkSet& keys);

}  // namespace veilwire::identity
