// Bytes that only who has the key can read, or can have written: AES-256-GCM (NIST SP 800-38D). A
// nonce is drawn for each, of which one key takes 2^32 before two are likely to meet; at one a
// second that is a century. Tested by tests/unit/crypto/sealer_test.cpp.
#pragma once

#include "userspace/base/secret.h"
#include "userspace/crypto/random.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::crypto {

inline constexpr std::size_t kSealerKey = 32;
// What sealing adds: the nonce in front, the tag behind.
inline constexpr std::size_t kSealOverhead = 12 + 16;

class Sealer {
 public:
  // nullopt: not kSealerKey bytes.
  static std::optional<Sealer> make(Secret key);

  // `about`: what the bytes are, which is not in them and must be the same for open(): so that what
  // was sealed for one use serves no other.
  std::string seal(std::string_view bytes, std::string_view about,
                   const RandomSource& random) const;
  // nullopt: another key or `about`, or changed, cut or made up.
  std::optional<Secret> open(std::string_view sealed, std::string_view about) const;

 private:
  explicit Sealer(Secret key) : key_(std::move(key)) {}
  Secret key_;
};

}  // namespace veilwire::crypto
