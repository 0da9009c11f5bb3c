#include "userspace/crypto/sealer.h"

#include "userspace/crypto/owned.h"

#include <climits>
#include <cstdlib>
#include <utility>

#include <openssl/evp.h>

namespace veilwire::crypto {
namespace {

constexpr std::size_t kNonce = 12, kTag = 16;
static_assert(kNonce + kTag == kSealOverhead);

// A cipher that fails has run out of memory or lost its provider: nothing that goes on without it
// is right.
void require(bool ok) {
  if (!ok) std::abort();
}

using Context = Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;

const unsigned char* octets(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* octets(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

int length(std::string_view bytes) {
  require(bytes.size() <= INT_MAX);
  return static_cast<int>(bytes.size());
}

}  // namespace

std::optional<Sealer> Sealer::make(Secret key) {
  if (key.reveal().size() != kSealerKey) return std::nullopt;
  return Sealer(std::move(key));
}

std::string Sealer::seal(std::string_view bytes, std::string_view about,
                         const RandomSource& random) const {
  const std::string nonce = random_bytes(random, kNonce);
  std::string text(bytes.size(), '\0'), tag(kTag, '\0');
  const Context context(EVP_CIPHER_CTX_new());
  int n = 0;
  require(context != nullptr);
  require(EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, octets(key_.reveal()),
                             octets(std::string_view(nonce))) == 1);
  require(EVP_EncryptUpdate(context.get(), nullptr, &n, octets(about), length(about)) == 1);
  require(EVP_EncryptUpdate(context.get(), octets(text), &n, octets(bytes), length(bytes)) == 1);
  require(EVP_EncryptFinal_ex(context.get(), octets(tag), &n) == 1 && n == 0);
  require(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTag, tag.data()) == 1);
  return nonce + text + tag;
}

std::optional<Secret> Sealer::open(std::string_view sealed, std::string_view about) const {
  if (sealed.size() < kSealOverhead || sealed.size() > INT_MAX) return std::nullopt;
  const std::string_view nonce = sealed.substr(0, kNonce);
  const std::string_view bytes = sealed.substr(kNonce, sealed.size() - kSealOverhead);
  std::string tag(sealed.substr(sealed.size() - kTag)), text(bytes.size(), '\0');
  const Context context(EVP_CIPHER_CTX_new());
  int n = 0;
  require(context != nullptr);
  require(EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, octets(key_.reveal()),
                             octets(nonce)) == 1);
  require(EVP_DecryptUpdate(context.get(), nullptr, &n, octets(about), length(about)) == 1);
  require(EVP_DecryptUpdate(context.get(), octets(text), &n, octets(bytes), length(bytes)) == 1);
  require(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTag, tag.data()) == 1);
  Secret opened(std::move(text));
  unsigned char none = 0;
  if (EVP_DecryptFinal_ex(context.get(), &none, &n) != 1) return std::nullopt;
  return opened;
}

}  // namespace veilwire::crypto
