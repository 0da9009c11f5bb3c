#include "userspace/crypto/private_key.h"

#include "userspace/crypto/owned.h"

#include <algorithm>
#include <climits>
#include <cstdlib>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

namespace veilwire::crypto {
namespace {

using OwnedKey = Owned<EVP_PKEY, EVP_PKEY_free>;
using OwnedBio = Owned<BIO, BIO_free_all>;

void require(bool ok) {
  if (!ok) std::abort();
}

// An encrypted file would make OpenSSL ask the terminal for a password.
int no_password(char*, int, int, void*) { return -1; }

int copy_password(char* out, int size, int, void* given) {
  const std::string_view password = static_cast<const Secret*>(given)->reveal();
  if (size < 0 || password.size() > static_cast<std::size_t>(size)) return -1;
  std::copy(password.begin(), password.end(), out);
  return static_cast<int>(password.size());
}

const unsigned char* octets(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

bool is_on_curve(const EVP_PKEY* key, std::string_view curve) {
  char group[32] = {};
  std::size_t size = 0;
  return EVP_PKEY_is_a(key, "EC") == 1 &&
         EVP_PKEY_get_group_name(key, group, sizeof group, &size) == 1 &&
         std::string_view(group, size) == curve;
}

// DER as OpenSSL writes it, as r and s at `length` bytes each (RFC 7518, 3.4).
std::string from_der(std::string_view der, int length) {
  const unsigned char* at = octets(der);
  const Owned<ECDSA_SIG, ECDSA_SIG_free> signature(
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  require(signature != nullptr);
  std::string raw(2 * static_cast<std::size_t>(length), '\0');
  auto* const out = reinterpret_cast<unsigned char*>(raw.data());
  require(BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out, length) == length &&
          BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out + length, length) == length);
  return raw;
}

}  // namespace

struct PrivateKey::State {
  OwnedKey key;
};

PrivateKey::PrivateKey(std::unique_ptr<State> state) : state_(std::move(state)) {}
PrivateKey::PrivateKey(PrivateKey&&) noexcept = default;
PrivateKey& PrivateKey::operator=(PrivateKey&&) noexcept = default;
PrivateKey::~PrivateKey() = default;

PrivateKey PrivateKey::generate() {
  auto state = std::make_unique<State>();
  state->key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  require(state->key != nullptr);
  return PrivateKey(std::move(state));
}

PrivateKey PrivateKey::generate_ed25519() {
  auto state = std::make_unique<State>();
  state->key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  require(state->key != nullptr);
  return PrivateKey(std::move(state));
}

std::optional<PrivateKey> PrivateKey::from_pem(std::string_view pem) {
  if (pem.empty() || pem.size() > INT_MAX) return std::nullopt;
  const OwnedBio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  require(bio != nullptr);
  auto state = std::make_unique<State>();
  state->key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  if (!state->key) return std::nullopt;
  return PrivateKey(std::move(state));
}

std::optional<PrivateKey> PrivateKey::from_pem(std::string_view pem, const Secret& passphrase) {
  if (pem.empty() || pem.size() > INT_MAX) return std::nullopt;
  const OwnedBio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  require(bio != nullptr);
  // OpenSSL only reads what it is given here, whatever its type says.
  void* const given =
      const_cast<Secret*>(&passphrase);  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  auto state = std::make_unique<State>();
  state->key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, copy_password, given));
  if (!state->key) {
    ERR_clear_error();
    return std::nullopt;
  }
  return PrivateKey(std::move(state));
}

Secret PrivateKey::to_pem() const {
  // A secure memory BIO wipes its buffer when it grows and when it is freed.
  const OwnedBio bio(BIO_new(BIO_s_secmem()));
  require(bio != nullptr && PEM_write_bio_PKCS8PrivateKey(bio.get(), handle(), nullptr, nullptr, 0,
                                                          nullptr, nullptr) == 1);
  const std::size_t size = BIO_ctrl_pending(bio.get());
  std::string pem(size, '\0');
  require(BIO_read(bio.get(), pem.data(), static_cast<int>(size)) == static_cast<int>(size));
  return Secret(std::move(pem));
}

std::string PrivateKey::public_der() const {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(handle(), &der);
  require(size > 0);
  std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

bool PrivateKey::serves(SignatureAlgorithm algorithm) const {
  switch (algorithm) {
    case SignatureAlgorithm::Rs256:
    case SignatureAlgorithm::Ps256:
      return EVP_PKEY_is_a(handle(), "RSA") == 1 &&
             EVP_PKEY_get_bits(handle()) >= static_cast<int>(kSmallestRsaBits);
    case SignatureAlgorithm::Es256:
      return is_on_curve(handle(), "prime256v1");
    case SignatureAlgorithm::Es384:
      return is_on_curve(handle(), "secp384r1");
    case SignatureAlgorithm::EdDsa:
      return EVP_PKEY_is_a(handle(), "ED25519") == 1;
  }
  return false;
}

std::optional<std::string> PrivateKey::sign(SignatureAlgorithm algorithm,
                                            std::string_view message) const {
  if (!serves(algorithm)) return std::nullopt;
  const EVP_MD* digest = EVP_sha256();
  if (algorithm == SignatureAlgorithm::Es384) digest = EVP_sha384();
  if (algorithm == SignatureAlgorithm::EdDsa) digest = nullptr;
  const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;  // the context's own
  require(context != nullptr &&
          EVP_DigestSignInit(context.get(), &parameters, digest, nullptr, handle()) == 1);
  if (algorithm == SignatureAlgorithm::Ps256)
    require(EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
            EVP_PKEY_CTX_set_rsa_mgf1_md(parameters, digest) == 1 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1);
  std::size_t size = 0;
  require(EVP_DigestSign(context.get(), nullptr, &size, octets(message), message.size()) == 1);
  std::string signature(size, '\0');
  require(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                         octets(message), message.size()) == 1);
  signature.resize(size);  // DER has no fixed length
  if (algorithm == SignatureAlgorithm::Es256) return from_der(signature, 32);
  if (algorithm == SignatureAlgorithm::Es384) return from_der(signature, 48);
  return signature;
}

EVP_PKEY* PrivateKey::handle() const { return state_->key.get(); }

bool is_p256_public_key(std::string_view der) {
  // Uncompressed and named, as RFC 5480 wants it, is 91 bytes; nothing longer is worth parsing.
  if (der.size() > 128) return false;
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* const end = at + der.size();
  const OwnedKey key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (!key || at != end || !is_on_curve(key.get(), "prime256v1")) return false;
  const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new(key.get(), nullptr));
  return context && EVP_PKEY_public_check(context.get()) == 1;
}

}  // namespace veilwire::crypto
