// The keys that an IdP publishes (RFC 7517), as far as they can verify its tokens. A key that
// cannot is left out and named with the reason, as RFC 7517, 5 wants it: an IdP may add kinds that
// we do not know. Tested by tests/unit/identity/jwk_set_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/crypto/public_key.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::identity {

// Why there is no set at all.
enum class KeySetError : std::uint8_t {
  TooLarge,         // over limits::kKeySet
  NotJson,          // not one JSON object
  DuplicateMember,  // an object in it has a member twice
  TooComplex,       // nested too deeply, or too many values
  NoKeys,           // no array `keys`
  TooManyKeys,      // over limits::kKeySetKeys
};
std::string_view to_string(KeySetError error);  // a clause for a person

// Why a key was left out of the set.
enum class KeyRefusal : std::uint8_t {
  UnknownType,          // `kty` is neither RSA nor EC nor OKP
  UnknownCurve,         // `crv` is neither P-256 nor P-384, or not Ed25519
  Symmetric,            // `kty` is oct: whoever could verify with it could sign
  Private,              // it holds private parts: whoever has read the set can sign
  NotForVerifying,      // `use` is not sig, or `key_ops` does not hold verify
  AlgorithmNotAllowed,  // `alg` is none of crypto::SignatureAlgorithm
  AlgorithmMismatch,    // `alg` is not one for its type
  Malformed,            // a member is missing, of another kind, too long or no base64url
  BadKey,               // crypto::KeyError says why
  SharedName,           // another key has the same `kid` and algorithm
};
std::string_view to_string(KeyRefusal refusal);  // a clause for a person

struct Jwk {
  std::optional<std::string> kid;
  std::optional<crypto::SignatureAlgorithm> algorithm;  // the only one, where it names one
  crypto::PublicKey key;

  bool serves(crypto::SignatureAlgorithm wanted) const {
    return key.serves(wanted) && (!algorithm || *algorithm == wanted);
  }
};

struct LeftOutKey {
  std::optional<std::string> kid;
  KeyRefusal why{};
  std::optional<crypto::KeyError> fault;  // of a BadKey
};

// Why a set has no key for a token.
enum class KeyMiss : std::uint8_t {
  Unknown,         // none of that name: the IdP may have changed its keys since
  Ambiguous,       // the token names none, and several would serve
  OtherAlgorithm,  // the one of that name serves other algorithms
  LeftOut,         // the one of that name is in left_out()
};

class JwkSet {
 public:
  static Result<JwkSet, KeySetError> parse(std::string_view json);

  // The one key for a token: the one of its kid, or without a kid the only one that serves its
  // algorithm (OpenID Connect Core 1.0, 10.1). A kid stands in a header that nobody has vouched for
  // yet, so it chooses one key and never makes us try many. That is why keys that share a name and
  // an algorithm are all left out, unless they are the same key: an IdP that does so has mixed
  // something up, and which one it means cannot be known.
  Result<const Jwk*, KeyMiss> find(const std::optional<std::string>& kid,
                                   crypto::SignatureAlgorithm algorithm) const;

  const std::vector<Jwk>& keys() const { return keys_; }
  const std::vector<LeftOutKey>& left_out() const { return left_out_; }

 private:
  void leave_out_shared_names();

  std::vector<Jwk> keys_;
  std::vector<LeftOutKey> left_out_;
};

}  // namespace veilwire::identity
