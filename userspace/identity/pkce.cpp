#include "userspace/identity/pkce.h"

#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"

namespace veilwire::identity {

std::string random_text(const crypto::RandomSource& random) {
  const Secret bytes(crypto::random_bytes(random, 32));
  return crypto::base64url_encode(bytes.reveal());
}

std::string code_challenge(std::string_view verifier) {
  const crypto::Digest digest = crypto::sha256(verifier);
  return crypto::base64url_encode(crypto::as_bytes(digest));
}

}  // namespace veilwire::identity
