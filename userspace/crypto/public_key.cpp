#include "userspace/crypto/public_key.h"

#include "userspace/base/limits.h"
#include "userspace/crypto/ed25519_point.h"
#include "userspace/crypto/owned.h"

#include <cstdlib>
#include <string>
#include <utility>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

namespace veilwire::crypto {
namespace {

using OwnedKey = Owned<EVP_PKEY, EVP_PKEY_free>;
using OwnedKeyContext = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using OwnedNumber = Owned<BIGNUM, BN_free>;

void require(bool ok) {
  if (!ok) std::abort();
}

const unsigned char* octets(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

// What a refused key or signature leaves in OpenSSL's queue would look like an error of the TLS
// connection that the thread turns to next.
class QuietErrors {
 public:
  QuietErrors() { ERR_set_mark(); }
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;
  ~QuietErrors() { ERR_pop_to_mark(); }
};

OwnedNumber number(std::string_view big_endian) {
  OwnedNumber n(BN_bin2bn(octets(big_endian), static_cast<int>(big_endian.size()), nullptr));
  require(n != nullptr);
  return n;
}

// nullptr where OpenSSL refuses the parameters.
OwnedKey build(const char* type, OSSL_PARAM_BLD* parameters) {
  const Owned<OSSL_PARAM, OSSL_PARAM_free> list(OSSL_PARAM_BLD_to_param(parameters));
  const OwnedKeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  require(list && context && EVP_PKEY_fromdata_init(context.get()) == 1);
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, list.get()) != 1) return nullptr;
  return OwnedKey(key);
}

bool shortest_form(std::string_view number) { return !number.empty() && number.front() != 0; }
bool odd(std::string_view number) { return (number.back() & 1) != 0; }

// r and s at the full length of the curve each, as the DER that OpenSSL reads.
std::string to_der(std::string_view raw) {
  const std::size_t half = raw.size() / 2;
  const Owned<ECDSA_SIG, ECDSA_SIG_free> signature(ECDSA_SIG_new());
  OwnedNumber r = number(raw.substr(0, half)), s = number(raw.substr(half));
  require(signature && ECDSA_SIG_set0(signature.get(), r.get(), s.get()) == 1);
  (void)r.release();  // the signature owns them now
  (void)s.release();
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  require(size > 0);
  std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

}  // namespace

struct PublicKey::State {
  enum class Kind : std::uint8_t { Rsa, P256, P384, Ed25519 };
  Kind kind{};
  std::size_t signature_size = 0;
  OwnedKey key;
};

PublicKey::PublicKey(std::unique_ptr<State> state) : state_(std::move(state)) {}
PublicKey::PublicKey(PublicKey&&) noexcept = default;
PublicKey& PublicKey::operator=(PublicKey&&) noexcept = default;
PublicKey::~PublicKey() = default;

Result<PublicKey, KeyError> PublicKey::rsa(std::string_view modulus, std::string_view exponent) {
  const QuietErrors quiet;
  if (!shortest_form(modulus) || !odd(modulus)) return Unexpected{KeyError::BadModulus};
  if (modulus.size() > limits::kRsaModulusBits / 8) return Unexpected{KeyError::RsaTooLarge};
  if (!shortest_form(exponent) || !odd(exponent) || exponent == "\x01" ||
      exponent.size() > limits::kRsaExponent)
    return Unexpected{KeyError::BadExponent};
  const OwnedNumber n = number(modulus), e = number(exponent);
  if (static_cast<std::size_t>(BN_num_bits(n.get())) < kSmallestRsaBits)
    return Unexpected{KeyError::RsaTooSmall};
  const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> parameters(OSSL_PARAM_BLD_new());
  require(parameters && OSSL_PARAM_BLD_push_BN(parameters.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) &&
          OSSL_PARAM_BLD_push_BN(parameters.get(), OSSL_PKEY_PARAM_RSA_E, e.get()));
  OwnedKey key = build("RSA", parameters.get());
  if (!key) return Unexpected{KeyError::BadModulus};
  return PublicKey(
      std::make_unique<State>(State{State::Kind::Rsa, modulus.size(), std::move(key)}));
}

Result<PublicKey, KeyError> PublicKey::ec(Curve curve, std::string_view x, std::string_view y) {
  const QuietErrors quiet;
  const bool p256 = curve == Curve::P256;
  const std::size_t size = p256 ? 32 : 48;
  if (x.size() != size || y.size() != size) return Unexpected{KeyError::BadCoordinate};
  std::string point = "\x04";  // uncompressed (SEC 1, 2.3.3)
  point.append(x).append(y);
  const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> parameters(OSSL_PARAM_BLD_new());
  require(parameters &&
          OSSL_PARAM_BLD_push_utf8_string(parameters.get(), OSSL_PKEY_PARAM_GROUP_NAME,
                                          p256 ? "P-256" : "P-384", 0) &&
          OSSL_PARAM_BLD_push_octet_string(parameters.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                           point.size()));
  OwnedKey key = build("EC", parameters.get());
  if (!key) return Unexpected{KeyError::NotOnCurve};
  const OwnedKeyContext context(EVP_PKEY_CTX_new(key.get(), nullptr));
  require(context != nullptr);
  if (EVP_PKEY_public_check(context.get()) != 1) return Unexpected{KeyError::NotOnCurve};
  const auto kind = p256 ? State::Kind::P256 : State::Kind::P384;
  return PublicKey(std::make_unique<State>(State{kind, 2 * size, std::move(key)}));
}

Result<PublicKey, KeyError> PublicKey::ed25519(std::string_view x) {
  const QuietErrors quiet;
  if (x.size() != kEd25519Key) return Unexpected{KeyError::BadCoordinate};
  if (!is_ed25519_public_key(x)) return Unexpected{KeyError::NotOnCurve};
  OwnedKey key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, octets(x), x.size()));
  require(key != nullptr);
  return PublicKey(std::make_unique<State>(State{State::Kind::Ed25519, 64, std::move(key)}));
}

bool PublicKey::serves(SignatureAlgorithm algorithm) const {
  switch (algorithm) {
    case SignatureAlgorithm::Rs256:
    case SignatureAlgorithm::Ps256:
      return state_->kind == State::Kind::Rsa;
    case SignatureAlgorithm::Es256:
      return state_->kind == State::Kind::P256;
    case SignatureAlgorithm::Es384:
      return state_->kind == State::Kind::P384;
    case SignatureAlgorithm::EdDsa:
      return state_->kind == State::Kind::Ed25519;
  }
  return false;
}

bool PublicKey::same_as(const PublicKey& other) const {
  const QuietErrors quiet;
  return EVP_PKEY_eq(state_->key.get(), other.state_->key.get()) == 1;
}

bool PublicKey::verify(SignatureAlgorithm algorithm, std::string_view message,
                       std::string_view signature) const {
  if (!serves(algorithm) || signature.size() != state_->signature_size) return false;
  const QuietErrors quiet;
  const EVP_MD* digest = algorithm == SignatureAlgorithm::EdDsa   ? nullptr
                         : algorithm == SignatureAlgorithm::Es384 ? EVP_sha384()
                                                                  : EVP_sha256();
  const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;  // the context's own
  require(context != nullptr && EVP_DigestVerifyInit(context.get(), &parameters, digest, nullptr,
                                                     state_->key.get()) == 1);
  if (algorithm == SignatureAlgorithm::Ps256)
    require(EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
            EVP_PKEY_CTX_set_rsa_mgf1_md(parameters, digest) == 1 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1);
  std::string der;
  if (state_->kind == State::Kind::P256 || state_->kind == State::Kind::P384) {
    der = to_der(signature);
    signature = der;
  }
  return EVP_DigestVerify(context.get(), octets(signature), signature.size(), octets(message),
                          message.size()) == 1;
}

std::string_view to_string(SignatureAlgorithm algorithm) {
  switch (algorithm) {
    case SignatureAlgorithm::Rs256:
      return "RS256";
    case SignatureAlgorithm::Ps256:
      return "PS256";
    case SignatureAlgorithm::Es256:
      return "ES256";
    case SignatureAlgorithm::Es384:
      return "ES384";
    case SignatureAlgorithm::EdDsa:
      return "EdDSA";
  }
  return "unknown";
}

std::optional<SignatureAlgorithm> signature_algorithm(std::string_view name) {
  using enum SignatureAlgorithm;
  for (const SignatureAlgorithm algorithm : {Rs256, Ps256, Es256, Es384, EdDsa})
    if (name == to_string(algorithm)) return algorithm;
  return std::nullopt;
}

std::string_view to_string(KeyError error) {
  switch (error) {
    case KeyError::RsaTooSmall:
      return "its modulus has fewer than 2048 bits";
    case KeyError::RsaTooLarge:
      return "its modulus has more than 8192 bits";
    case KeyError::BadModulus:
      return "its modulus is even, empty or begins with a zero byte";
    case KeyError::BadExponent:
      return "its exponent is even, 1, too large or begins with a zero byte";
    case KeyError::BadCoordinate:
      return "a coordinate does not have the length of its curve";
    case KeyError::NotOnCurve:
      return "its point is not on the curve, or of small order";
  }
  return "unknown";
}

}  // namespace veilwire::crypto
