#include "userspace/wire/ticket_keys.h"

#include "userspace/base/secret.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <optional>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

namespace veilwire::wire {
namespace {

struct Key {
  std::array<unsigned char, 16> name{};
  std::array<unsigned char, 32> cipher{};
  std::array<unsigned char, 32> mac{};

  explicit Key(const crypto::RandomSource& random) {
    random(name);
    random(cipher);
    random(mac);
  }
  Key(const Key&) = default;
  Key& operator=(const Key&) = default;
  ~Key() {
    wipe(cipher.data(), cipher.size());
    wipe(mac.data(), mac.size());
  }
};

}  // namespace

struct TicketKeys::State {
  std::mutex mutex;  // contexts of several threads share the keys
  crypto::RandomSource random;
  Monotonic since;
  Key current;
  std::optional<Key> previous;
};

namespace {

constexpr int kFailed = -1, kUnknownTicket = 0, kGood = 1, kGoodButRenew = 2;

bool use(const Key& key, EVP_MAC_CTX* mac) {
  char digest[] = "SHA256";
  // set_params reads the key only; the structure has no const.
  std::array<unsigned char, 32> copy = key.mac;
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, copy.data(), copy.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  const bool ok = EVP_MAC_CTX_set_params(mac, parameters) == 1;
  wipe(copy.data(), copy.size());
  return ok;
}

int seal_or_open(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                 EVP_MAC_CTX* mac, int sealing) {
  auto* state =
      static_cast<TicketKeys::State*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), /*app data*/ 0));
  const std::lock_guard lock(state->mutex);
  if (sealing != 0) {
    const Key& key = state->current;
    std::memcpy(name, key.name.data(), key.name.size());
    state->random({iv, static_cast<std::size_t>(EVP_CIPHER_get_iv_length(EVP_aes_256_cbc()))});
    const bool ok =
        EVP_EncryptInit_ex2(cipher, EVP_aes_256_cbc(), key.cipher.data(), iv, nullptr) == 1 &&
        use(key, mac);
    return ok ? kGood : kFailed;
  }
  const auto named = [name](const Key& key) {
    return std::memcmp(name, key.name.data(), key.name.size()) == 0;
  };
  const bool is_current = named(state->current);
  if (!is_current && !(state->previous && named(*state->previous))) return kUnknownTicket;
  const Key& key = is_current ? state->current : *state->previous;
  const bool ok =
      EVP_DecryptInit_ex2(cipher, EVP_aes_256_cbc(), key.cipher.data(), iv, nullptr) == 1 &&
      use(key, mac);
  if (!ok) return kFailed;
  // A TLS 1.3 ticket is good for one connection (RFC 8446, C.4): without a new one, every third
  // would start afresh.
  const bool renew = !is_current || SSL_version(ssl) == TLS1_3_VERSION;
  return renew ? kGoodButRenew : kGood;
}

}  // namespace

TicketKeys::TicketKeys(crypto::RandomSource random, Monotonic now) {
  Key first(random);
  state_.reset(new State{{}, std::move(random), now, first, {}});
}
TicketKeys::~TicketKeys() = default;

void TicketKeys::rotate(Monotonic now) {
  const std::lock_guard lock(state_->mutex);
  const std::chrono::nanoseconds age = now - state_->since;
  if (age < kPeriod) return;
  if (age < 2 * kPeriod)
    state_->previous = state_->current;
  else
    state_->previous.reset();  // nobody asked for a whole period: the current key is as old as a
                               // previous one may be
  state_->current = Key(state_->random);
  state_->since = now;
}

void TicketKeys::install(SSL_CTX* context) {
  SSL_CTX_set_ex_data(context, 0, state_.get());
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, seal_or_open);
  SSL_CTX_set_timeout(context, std::chrono::seconds(kPeriod).count());
}

}  // namespace veilwire::wire
