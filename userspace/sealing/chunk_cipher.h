// AES-256-GCM over the chunks of one body, under nonces that say where each stands (format.h). For
// body.cpp alone, whose test is its own.
#pragma once

#include "userspace/base/secret.h"
#include "userspace/crypto/hash.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::sealing {

class ChunkCipher {
 public:
  enum class Use : std::uint8_t { Seal, Open };
  // key: 32 bytes.
  ChunkCipher(Use use, const Secret& key, const crypto::Digest& header);
  ~ChunkCipher();  // OpenSSL wipes its key schedule
  ChunkCipher(const ChunkCipher&) = delete;
  ChunkCipher& operator=(const ChunkCipher&) = delete;

  // Each index once.
  std::string seal(std::uint64_t index, bool last, std::string_view text);
  // sealed: a tag at least. nullopt: not what was sealed at this place.
  std::optional<Secret> open(std::uint64_t index, bool last, std::string_view sealed);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace veilwire::sealing
