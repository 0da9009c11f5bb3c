// A private key: on P-256 that of the internal CA, and the one whose certificates the proxy shows;
// of any kind that by which we prove to an IdP who we are. It never leaves the process as anything
// but a Secret, and only the CA's does that, once, when it is made. Tested by
// tests/unit/crypto/private_key_test.cpp.
#pragma once

#include "userspace/base/secret.h"
#include "userspace/crypto/public_key.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace veilwire::crypto {

class PrivateKey {
 public:
  // Fresh, from OpenSSL's own generator. Stops the process when there is no randomness.
  static PrivateKey generate();          // P-256
  static PrivateKey generate_ed25519();  // RFC 8032
  // PKCS#8 or SEC1, not encrypted, any kind of key. nullopt: not a private key.
  static std::optional<PrivateKey> from_pem(std::string_view pem);
  // The same of one that a passphrase may protect. nullopt also where it is another one.
  static std::optional<PrivateKey> from_pem(std::string_view pem, const Secret& passphrase);

  PrivateKey(PrivateKey&&) noexcept;
  PrivateKey& operator=(PrivateKey&&) noexcept;
  ~PrivateKey();  // OpenSSL wipes what it frees

  Secret to_pem() const;           // PKCS#8
  std::string public_der() const;  // SubjectPublicKeyInfo (RFC 5280, 4.1.2.7)

  // As PublicKey::serves. An RSA key below 2048 bits serves none.
  bool serves(SignatureAlgorithm algorithm) const;
  // A signature as PublicKey::verify takes it: JWS's form, r and s at their full length. nullopt:
  // an algorithm that the key does not serve.
  std::optional<std::string> sign(SignatureAlgorithm algorithm, std::string_view message) const;

  evp_pkey_st* handle() const;  // for OpenSSL calls in other .cpp files; borrowed

 private:
  struct State;
  explicit PrivateKey(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Whether der is exactly one SubjectPublicKeyInfo that holds a valid point of P-256.
bool is_p256_public_key(std::string_view der);

}  // namespace veilwire::crypto
