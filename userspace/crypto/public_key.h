// Public keys that verify the signatures of others and do nothing else: what stands in an IdP's key
// set. A key knows which algorithms it serves, so that no text in a token can bend it to another
// (RFC 8725, 3.1). Tested by tests/unit/crypto/public_key_test.cpp.
#pragma once

#include "userspace/base/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace veilwire::crypto {

// All that are allowed, by their names in RFC 7518 and RFC 8037. No HS*: a public key must never
// become the key of a MAC. No `none`.
enum class SignatureAlgorithm : std::uint8_t {
  Rs256,  // RSASSA-PKCS1-v1_5 with SHA-256
  Ps256,  // RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes
  Es256,  // ECDSA on P-256 with SHA-256
  Es384,  // ECDSA on P-384 with SHA-384
  EdDsa,  // Ed25519
};
std::string_view to_string(SignatureAlgorithm algorithm);  // RS256
// Exact, as RFC 7515, 4.1.1 wants it. nullopt: not one that is allowed.
std::optional<SignatureAlgorithm> signature_algorithm(std::string_view name);

enum class KeyError : std::uint8_t {
  RsaTooSmall,    // a modulus below 2048 bits
  RsaTooLarge,    // over limits::kRsaModulusBits
  BadModulus,     // even, or not in its shortest form (RFC 7518, 6.3.1.1)
  BadExponent,    // even, 1, over limits::kRsaExponent, or not in its shortest form
  BadCoordinate,  // not of exactly the curve's length
  NotOnCurve,     // no point of the curve, or one of small order
};
std::string_view to_string(KeyError error);  // a clause for a person

inline constexpr std::size_t kSmallestRsaBits = 2048;  // RFC 7518, 3.3

class PublicKey {
 public:
  enum class Curve : std::uint8_t { P256, P384 };

  // Big-endian, as in a JWK behind its base64url.
  static Result<PublicKey, KeyError> rsa(std::string_view modulus, std::string_view exponent);
  static Result<PublicKey, KeyError> ec(Curve curve, std::string_view x, std::string_view y);
  static Result<PublicKey, KeyError> ed25519(std::string_view x);

  PublicKey(PublicKey&&) noexcept;
  PublicKey& operator=(PublicKey&&) noexcept;
  ~PublicKey();

  bool serves(SignatureAlgorithm algorithm) const;
  bool same_as(const PublicKey& other) const;

  // Signatures are JWS's: those of ECDSA are r and s at their full length (RFC 7518, 3.4), never
  // DER. False for an algorithm that the key does not serve.
  bool verify(SignatureAlgorithm algorithm, std::string_view message,
              std::string_view signature) const;

 private:
  struct State;
  explicit PublicKey(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace veilwire::crypto
