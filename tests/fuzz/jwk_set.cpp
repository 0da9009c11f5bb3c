// Key sets as an IdP, or who took its place, could publish them: any bytes are an error or a set
// within its bounds, in which each key is found by its name for what it serves and vouches for
// nothing that it did not sign.
#include "userspace/identity/jwk_set.h"

#include "userspace/base/limits.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace veilwire;
  using enum crypto::SignatureAlgorithm;
  const auto set =
      identity::JwkSet::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!set) return 0;
  if (set->keys().size() + set->left_out().size() > limits::kKeySetKeys) std::abort();
  for (const identity::Jwk& jwk : set->keys()) {
    bool serves = false;
    for (const auto algorithm : {Rs256, Ps256, Es256, Es384, EdDsa}) {
      if (jwk.key.verify(algorithm, "", std::string(64, '\x01'))) std::abort();
      if (!jwk.serves(algorithm)) continue;
      serves = true;
      if (!jwk.kid) continue;
      const auto found = set->find(jwk.kid, algorithm);
      if (!found || *found != &jwk) std::abort();
    }
    if (!serves) std::abort();
  }
  return 0;
}
