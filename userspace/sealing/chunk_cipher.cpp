#include "userspace/sealing/chunk_cipher.h"

#include "userspace/crypto/owned.h"
#include "userspace/sealing/format.h"

#include <array>
#include <cstdlib>
#include <utility>

#include <openssl/evp.h>

namespace veilwire::sealing {
namespace {

// What fails here has run out of memory or lost its provider.
void require(bool ok) {
  if (!ok) std::abort();
}

const unsigned char* octets(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* octets(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

using Nonce = std::array<unsigned char, 12>;

Nonce nonce(std::uint64_t index, bool last) {
  Nonce out{};
  for (std::size_t i = 0; i < 8; ++i)
    out[10 - i] = static_cast<unsigned char>((index >> (8 * i)) & 0xff);
  out[11] = last ? 1 : 0;
  return out;
}

}  // namespace

struct ChunkCipher::State {
  crypto::Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free> context{EVP_CIPHER_CTX_new()};
  crypto::Digest header;

  // The key stays from the first chunk on; -1: as it was made, to seal or to open.
  void begin(std::uint64_t index, bool last) {
    const Nonce at = nonce(index, last);
    int n = 0;
    require(EVP_CipherInit_ex(context.get(), nullptr, nullptr, nullptr, at.data(), -1) == 1);
    require(EVP_CipherUpdate(context.get(), nullptr, &n, header.data(),
                             static_cast<int>(header.size())) == 1);
  }
  // text is at most kChunkText, far below what an int holds.
  void update(std::string& out, std::string_view in) {
    int n = 0;
    require(EVP_CipherUpdate(context.get(), octets(out), &n, octets(in),
                             static_cast<int>(in.size())) == 1 &&
            n == static_cast<int>(in.size()));
  }
};

ChunkCipher::ChunkCipher(Use use, const Secret& key, const crypto::Digest& header)
    : state_(std::make_unique<State>()) {
  state_->header = header;
  require(state_->context != nullptr && key.reveal().size() == 32);
  require(EVP_CipherInit_ex(state_->context.get(), EVP_aes_256_gcm(), nullptr, octets(key.reveal()),
                            nullptr, use == Use::Seal ? 1 : 0) == 1);
}

ChunkCipher::~ChunkCipher() = default;

std::string ChunkCipher::seal(std::uint64_t index, bool last, std::string_view text) {
  require(index < kMostChunks && text.size() <= kChunkText);
  state_->begin(index, last);
  std::string sealed;
  sealed.reserve(text.size() + kChunkTag);
  sealed.resize(text.size());
  if (!text.empty()) state_->update(sealed, text);
  std::string tag(kChunkTag, '\0');
  int n = 0;
  EVP_CIPHER_CTX* const context = state_->context.get();
  require(EVP_CipherFinal_ex(context, octets(tag), &n) == 1 && n == 0);
  require(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, kChunkTag, tag.data()) == 1);
  sealed += tag;
  return sealed;
}

std::optional<Secret> ChunkCipher::open(std::uint64_t index, bool last, std::string_view sealed) {
  require(sealed.size() >= kChunkTag && sealed.size() - kChunkTag <= kChunkText);
  state_->begin(index, last);
  const std::string_view bytes = sealed.substr(0, sealed.size() - kChunkTag);
  std::string text(bytes.size(), '\0'), tag(sealed.substr(bytes.size()));
  if (!bytes.empty()) state_->update(text, bytes);
  Secret opened(std::move(text));
  EVP_CIPHER_CTX* const context = state_->context.get();
  require(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, kChunkTag, tag.data()) == 1);
  unsigned char none = 0;
  int n = 0;
  if (EVP_CipherFinal_ex(context, &none, &n) != 1) return std::nullopt;
  return opened;
}

}  // namespace veilwire::sealing
