#include "userspace/identity/jwk_set.h"

#include "userspace/base/limits.h"
#include "userspace/crypto/encoding.h"
#include "userspace/identity/strict_json.h"

#include <algorithm>
#include <utility>

namespace veilwire::identity {
namespace {

using crypto::KeyError;
using crypto::PublicKey;
using crypto::SignatureAlgorithm;

struct Refused {
  KeyRefusal why{};
  std::optional<KeyError> fault;
};
using KeyResult = Result<PublicKey, Refused>;

KeyResult refuse(KeyRefusal why) { return Unexpected{Refused{why, std::nullopt}}; }

KeyResult judged(Result<PublicKey, KeyError> key) {
  if (!key) return Unexpected{Refused{KeyRefusal::BadKey, key.error()}};
  return *std::move(key);
}

std::optional<std::string> decoded(const JsonValue& jwk, std::string_view name) {
  const std::string* const text = jwk.text_at(name);
  return text != nullptr ? crypto::base64url_decode(*text) : std::nullopt;
}

// RFC 7517, 4.2 and 4.3.
bool for_verifying(const JsonValue& jwk) {
  if (jwk.find("use") != nullptr) {
    const std::string* const use = jwk.text_at("use");
    if (use == nullptr || *use != "sig") return false;
  }
  const JsonValue* const operations = jwk.find("key_ops");
  return operations == nullptr ||
         std::any_of(operations->elements.begin(), operations->elements.end(),
                     [](const JsonValue& operation) { return operation.text == "verify"; });
}

bool has_private_part(const JsonValue& jwk) {
  // RFC 7518, 6.2.2, 6.3.2 and 6.4.1; RFC 8037, 2.
  constexpr std::string_view kParts[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
  return std::any_of(std::begin(kParts), std::end(kParts),
                     [&](std::string_view part) { return jwk.find(part) != nullptr; });
}

KeyResult rsa_key(const JsonValue& jwk) {
  const auto modulus = decoded(jwk, "n"), exponent = decoded(jwk, "e");
  if (!modulus || !exponent) return refuse(KeyRefusal::Malformed);
  return judged(PublicKey::rsa(*modulus, *exponent));
}

KeyResult ec_key(const JsonValue& jwk) {
  const std::string* const curve = jwk.text_at("crv");
  if (curve == nullptr) return refuse(KeyRefusal::Malformed);
  const bool p256 = *curve == "P-256";
  if (!p256 && *curve != "P-384") return refuse(KeyRefusal::UnknownCurve);
  const auto x = decoded(jwk, "x"), y = decoded(jwk, "y");
  if (!x || !y) return refuse(KeyRefusal::Malformed);
  return judged(PublicKey::ec(p256 ? PublicKey::Curve::P256 : PublicKey::Curve::P384, *x, *y));
}

KeyResult okp_key(const JsonValue& jwk) {
  const std::string* const curve = jwk.text_at("crv");
  if (curve == nullptr) return refuse(KeyRefusal::Malformed);
  if (*curve != "Ed25519") return refuse(KeyRefusal::UnknownCurve);
  const auto x = decoded(jwk, "x");
  if (!x) return refuse(KeyRefusal::Malformed);
  return judged(PublicKey::ed25519(*x));
}

KeyResult key_of(const JsonValue& jwk) {
  const std::string* const type = jwk.text_at("kty");
  if (type == nullptr) return refuse(KeyRefusal::Malformed);
  if (*type == "oct") return refuse(KeyRefusal::Symmetric);
  if (has_private_part(jwk)) return refuse(KeyRefusal::Private);
  if (!for_verifying(jwk)) return refuse(KeyRefusal::NotForVerifying);
  if (*type == "RSA") return rsa_key(jwk);
  if (*type == "EC") return ec_key(jwk);
  if (*type == "OKP") return okp_key(jwk);
  return refuse(KeyRefusal::UnknownType);
}

Result<Jwk, Refused> read_jwk(const JsonValue& jwk) {
  const std::string* const kid = jwk.text_at("kid");
  if (jwk.find("kid") != nullptr && (kid == nullptr || kid->size() > limits::kKeyId))
    return Unexpected{Refused{KeyRefusal::Malformed, std::nullopt}};
  KeyResult key = key_of(jwk);
  if (!key) return Unexpected{key.error()};
  std::optional<SignatureAlgorithm> algorithm;
  if (jwk.find("alg") != nullptr) {
    const std::string* const name = jwk.text_at("alg");
    if (name != nullptr) algorithm = crypto::signature_algorithm(*name);
    if (!algorithm) return Unexpected{Refused{KeyRefusal::AlgorithmNotAllowed, std::nullopt}};
    if (!key->serves(*algorithm))
      return Unexpected{Refused{KeyRefusal::AlgorithmMismatch, std::nullopt}};
  }
  return Jwk{kid != nullptr ? std::optional(*kid) : std::nullopt, algorithm, *std::move(key)};
}

KeySetError set_error(JsonFault fault) {
  switch (fault) {
    case JsonFault::TooLarge:
      return KeySetError::TooLarge;
    case JsonFault::DuplicateMember:
      return KeySetError::DuplicateMember;
    case JsonFault::TooDeep:
    case JsonFault::TooManyValues:
      return KeySetError::TooComplex;
    case JsonFault::NotAnObject:
    case JsonFault::NotJson:
    case JsonFault::NumberTooLarge:
      break;
  }
  return KeySetError::NotJson;
}

bool share_an_algorithm(const Jwk& a, const Jwk& b) {
  using enum SignatureAlgorithm;
  constexpr SignatureAlgorithm kAll[] = {Rs256, Ps256, Es256, Es384, EdDsa};
  return std::any_of(std::begin(kAll), std::end(kAll), [&](SignatureAlgorithm algorithm) {
    return a.serves(algorithm) && b.serves(algorithm);
  });
}

}  // namespace

Result<JwkSet, KeySetError> JwkSet::parse(std::string_view json) {
  const auto object = read_json_object(json, limits::kKeySet);
  if (!object) return Unexpected{set_error(object.error())};
  const JsonValue* const list = object->find("keys");
  if (list == nullptr || list->kind != JsonValue::Kind::Array)
    return Unexpected{KeySetError::NoKeys};
  if (list->elements.size() > limits::kKeySetKeys) return Unexpected{KeySetError::TooManyKeys};

  JwkSet set;
  for (const JsonValue& element : list->elements) {
    Result<Jwk, Refused> jwk = read_jwk(element);
    if (jwk) {
      set.keys_.push_back(*std::move(jwk));
      continue;
    }
    const std::string* const kid = element.text_at("kid");
    set.left_out_.push_back(
        {kid != nullptr && kid->size() <= limits::kKeyId ? std::optional(*kid) : std::nullopt,
         jwk.error().why, jwk.error().fault});
  }
  set.leave_out_shared_names();
  return set;
}

void JwkSet::leave_out_shared_names() {
  std::vector<bool> repeated(keys_.size()), shared(keys_.size());
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    for (std::size_t j = i + 1; j < keys_.size(); ++j) {
      const Jwk &a = keys_[i], &b = keys_[j];
      if (!a.kid || a.kid != b.kid || !share_an_algorithm(a, b)) continue;
      if (a.algorithm == b.algorithm && a.key.same_as(b.key)) {
        repeated[j] = true;
      } else {
        shared[i] = shared[j] = true;
      }
    }
  }
  std::vector<Jwk> kept;
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    if (shared[i]) {
      left_out_.push_back({keys_[i].kid, KeyRefusal::SharedName, std::nullopt});
    } else if (!repeated[i]) {
      kept.push_back(std::move(keys_[i]));
    }
  }
  keys_ = std::move(kept);
}

Result<const Jwk*, KeyMiss> JwkSet::find(const std::optional<std::string>& kid,
                                         SignatureAlgorithm algorithm) const {
  const Jwk* found = nullptr;
  bool named = false;
  for (const Jwk& jwk : keys_) {
    if (kid && jwk.kid != kid) continue;
    named = true;
    if (!jwk.serves(algorithm)) continue;
    if (found != nullptr) return Unexpected{KeyMiss::Ambiguous};
    found = &jwk;
  }
  if (found != nullptr) return found;
  if (!kid) return Unexpected{KeyMiss::Unknown};
  if (named) return Unexpected{KeyMiss::OtherAlgorithm};
  const bool left_out = std::any_of(left_out_.begin(), left_out_.end(),
                                    [&](const LeftOutKey& key) { return key.kid == kid; });
  return Unexpected{left_out ? KeyMiss::LeftOut : KeyMiss::Unknown};
}

std::string_view to_string(KeySetError error) {
  switch (error) {
    case KeySetError::TooLarge:
      return "the key set is larger than 256 KiB";
    case KeySetError::NotJson:
      return "the key set is not a JSON object";
    case KeySetError::DuplicateMember:
      return "an object of the key set has a member twice";
    case KeySetError::TooComplex:
      return "the key set is nested too deeply or has too many values";
    case KeySetError::NoKeys:
      return "the key set has no list of keys";
    case KeySetError::TooManyKeys:
      return "the key set has more than 100 keys";
  }
  return "unknown";
}

std::string_view to_string(KeyRefusal refusal) {
  switch (refusal) {
    case KeyRefusal::UnknownType:
      return "its type is none that can verify a token";
    case KeyRefusal::UnknownCurve:
      return "its curve is none of P-256, P-384 and Ed25519";
    case KeyRefusal::Symmetric:
      return "it is symmetric: whoever can verify with it can sign";
    case KeyRefusal::Private:
      return "it is published with its private part";
    case KeyRefusal::NotForVerifying:
      return "its use or operations are others than verifying";
    case KeyRefusal::AlgorithmNotAllowed:
      return "its algorithm is none of RS256, PS256, ES256, ES384 and EdDSA";
    case KeyRefusal::AlgorithmMismatch:
      return "its algorithm is not one for its type";
    case KeyRefusal::Malformed:
      return "a member is missing or not as it should be";
    case KeyRefusal::BadKey:
      return "its numbers are no sound key";
    case KeyRefusal::SharedName:
      return "another key has the same kid and algorithm";
  }
  return "unknown";
}

}  // namespace veilwire::identity
