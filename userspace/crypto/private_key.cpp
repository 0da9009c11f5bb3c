#include "userspace/crypto/private_key.h"

#include "userspace/crypto/owned.h"

#include <climits>
#include <cstdlib>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
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

std::optional<PrivateKey> PrivateKey::from_pem(std::string_view pem) {
  if (pem.empty() || pem.size() > INT_MAX) return std::nullopt;
  const OwnedBio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  require(bio != nullptr);
  auto state = std::make_unique<State>();
  state->key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  if (!state->key) return std::nullopt;
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

EVP_PKEY* PrivateKey::handle() const { return state_->key.get(); }

bool is_p256_public_key(std::string_view der) {
  // Uncompressed and named, as RFC 5480 wants it, is 91 bytes; nothing longer is worth parsing.
  if (der.size() > 128) return false;
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* const end = at + der.size();
  const OwnedKey key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (!key || at != end || EVP_PKEY_is_a(key.get(), "EC") != 1) return false;
  char group[32] = {};
  std::size_t size = 0;
  if (EVP_PKEY_get_group_name(key.get(), group, sizeof group, &size) != 1) return false;
  if (std::string_view(group, size) != "prime256v1") return false;
  const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new(key.get(), nullptr));
  return context && EVP_PKEY_public_check(context.get()) == 1;
}

}  // namespace veilwire::crypto
