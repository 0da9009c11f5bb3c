#include "userspace/crypto/hash.h"

#include <cstdlib>

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace veilwire::crypto {
namespace {

// A digest that fails has run out of memory or lost its provider: nothing that goes on without it
// is right.
void require(bool ok) {
  if (!ok) std::abort();
}

const unsigned char* octets(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

}  // namespace

Digest sha256(std::string_view bytes) {
  Digest out;
  require(EVP_Digest(bytes.data(), bytes.size(), out.data(), nullptr, EVP_sha256(), nullptr) == 1);
  return out;
}

Digest hmac_sha256(std::string_view key, std::string_view bytes) {
  // HMAC() takes the key's length as an int, and a null key means "the key of the last call" to it.
  static constexpr char kEmpty = 0;
  Digest hashed;
  if (key.size() > 64) hashed = sha256(key), key = as_bytes(hashed);  // what RFC 2104 does itself
  Digest out;
  require(HMAC(EVP_sha256(), key.empty() ? &kEmpty : key.data(), static_cast<int>(key.size()),
               octets(bytes), bytes.size(), out.data(), nullptr) != nullptr);
  return out;
}

struct Sha256::State {
  State() : context(EVP_MD_CTX_new()) {
    require(context != nullptr);
    start();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { EVP_MD_CTX_free(context); }

  void start() { require(EVP_DigestInit_ex(context, EVP_sha256(), nullptr) == 1); }

  EVP_MD_CTX* context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(std::string_view bytes) {
  require(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

Digest Sha256::finish() {
  Digest out;
  require(EVP_DigestFinal_ex(state_->context, out.data(), nullptr) == 1);
  state_->start();
  return out;
}

}  // namespace veilwire::crypto
