// One body, sealed chunk by chunk as it comes, and opened again (format.h). Text that is not sealed
// yet, and text that has been opened, is wiped when it goes. Tested by
// tests/unit/sealing/body_test.cpp, where GCM itself is the oracle, and fuzzed by
// tests/fuzz/sealed_body.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/secret.h"
#include "userspace/crypto/hash.h"
#include "userspace/sealing/error.h"
#include "userspace/sealing/format.h"
#include "userspace/sealing/session_key.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace veilwire::sealing {

class ChunkCipher;

class BodySealer {
 public:
  // header: SHA-256 of the record that heads the body. One sealer alone for a body: two would use
  // nonces twice, which gives away what GCM protects. SessionSealer sees to it.
  BodySealer(const SessionKey& key, const BodyIdentity& body, const crypto::Digest& header);
  BodySealer(BodySealer&&) noexcept;
  ~BodySealer();

  // Pieces of any size. A full chunk stays until more comes: it may be the last.
  std::vector<Chunk> write(std::string_view piece);
  // What has come and is not sealed yet, now: for a body that pauses, of which a crash would take
  // it away. nullopt: nothing.
  std::optional<Chunk> flush();
  // The last chunk; nothing may be called after it.
  Chunk finish();

 private:
  Chunk seal(bool last);

  std::unique_ptr<ChunkCipher> cipher_;  // nullptr: finished
  SecretBuilder held_;                   // at most kChunkText
  std::uint64_t next_ = 0;
};

class BodyOpener {
 public:
  BodyOpener(const SessionKey& key, const BodyIdentity& body, const crypto::Digest& header);
  BodyOpener(BodyOpener&&) noexcept;
  ~BodyOpener();

  // Text of the next chunk: it stood at this place of the body, whatever comes after. An error is
  // final.
  Result<Secret, SealingError> open(const Chunk& chunk);
  // Whether all of the body has been opened.
  Result<void, SealingError> finish() const;

 private:
  Result<Secret, SealingError> open_next(const Chunk& chunk) const;

  std::unique_ptr<ChunkCipher> cipher_;
  std::uint64_t next_ = 0;
  bool finished_ = false;
  std::optional<SealingError> error_;
};

}  // namespace veilwire::sealing
