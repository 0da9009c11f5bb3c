#include "userspace/sealing/body.h"

#include "userspace/sealing/chunk_cipher.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace veilwire::sealing {

BodySealer::BodySealer(const SessionKey& key, const BodyIdentity& body,
                       const crypto::Digest& header)
    : cipher_(std::make_unique<ChunkCipher>(ChunkCipher::Use::Seal, key.body_key(body), header)) {}
BodySealer::BodySealer(BodySealer&&) noexcept = default;
BodySealer::~BodySealer() = default;

std::vector<Chunk> BodySealer::write(std::string_view piece) {
  if (!cipher_) std::abort();
  std::vector<Chunk> chunks;
  while (!piece.empty()) {
    if (held_.size() == kChunkText) chunks.push_back(seal(false));
    const std::size_t taken = std::min(piece.size(), kChunkText - held_.size());
    held_.append(piece.substr(0, taken));
    piece.remove_prefix(taken);
  }
  return chunks;
}

std::optional<Chunk> BodySealer::flush() {
  if (held_.empty()) return std::nullopt;
  return seal(false);
}

Chunk BodySealer::finish() {
  Chunk chunk = seal(true);
  cipher_.reset();
  return chunk;
}

Chunk BodySealer::seal(bool last) {
  if (!cipher_) std::abort();
  Chunk chunk{next_, last, cipher_->seal(next_, last, held_.reveal())};
  ++next_;
  held_.clear();
  return chunk;
}

BodyOpener::BodyOpener(const SessionKey& key, const BodyIdentity& body,
                       const crypto::Digest& header)
    : cipher_(std::make_unique<ChunkCipher>(ChunkCipher::Use::Open, key.body_key(body), header)) {}
BodyOpener::BodyOpener(BodyOpener&&) noexcept = default;
BodyOpener::~BodyOpener() = default;

Result<Secret, SealingError> BodyOpener::open(const Chunk& chunk) {
  if (error_) return Unexpected{*error_};
  auto text = open_next(chunk);
  if (!text) {
    error_ = text.error();
    return text;
  }
  ++next_;
  finished_ = chunk.last;
  return text;
}

Result<Secret, SealingError> BodyOpener::open_next(const Chunk& chunk) const {
  if (finished_) return Unexpected{SealingError::AfterLast};
  if (chunk.index != next_ || next_ == kMostChunks) return Unexpected{SealingError::OutOfOrder};
  if (chunk.bytes.size() < kChunkTag || chunk.bytes.size() - kChunkTag > kChunkText ||
      (chunk.bytes.size() == kChunkTag && !chunk.last))
    return Unexpected{SealingError::BadLength};
  auto text = cipher_->open(chunk.index, chunk.last, chunk.bytes);
  if (!text) return Unexpected{SealingError::Changed};
  return std::move(*text);
}

Result<void, SealingError> BodyOpener::finish() const {
  if (error_) return Unexpected{*error_};
  if (!finished_) return Unexpected{SealingError::Unfinished};
  return {};
}

}  // namespace veilwire::sealing
