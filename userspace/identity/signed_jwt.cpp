#include "userspace/identity/signed_jwt.h"

#include "userspace/crypto/encoding.h"

#include <cstdlib>

namespace veilwire::identity {

std::string signed_jwt(const crypto::PrivateKey& key, crypto::SignatureAlgorithm algorithm,
                       std::string_view header, std::string_view claims) {
  const std::string text =
      crypto::base64url_encode(header) + '.' + crypto::base64url_encode(claims);
  const auto signature = key.sign(algorithm, text);
  if (!signature) std::abort();
  return text + '.' + crypto::base64url_encode(*signature);
}

}  // namespace veilwire::identity
