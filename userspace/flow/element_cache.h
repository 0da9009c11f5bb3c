// What an editor has made of the elements of requests that were seen before: a conversation is sent
// again as a whole with every turn, and all but its end costs a digest. An entry belongs to one
// engine, one position in the document and one user: so nobody learns from the time that an answer
// takes what another user has sent.
//
// Keys are SHA-256 under a secret prefix. They stay in memory; the prefix keeps a dump of it from
// saying what was sent. Bounded; what has not been used for longest goes first. Any thread may
// call. Tested by tests/unit/flow/element_cache_test.cpp and tests/property/element_cache_test.cpp.
#pragma once

#include "userspace/crypto/hash.h"
#include "userspace/flow/edited.h"
#include "userspace/masking/engine.h"
#include "userspace/message/fields.h"

#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace veilwire::flow {

class ElementCache {
 public:
  // Where an element stands: equal bytes at equal places have equal results.
  struct Place {
    const masking::Engine* engine = nullptr;  // which lives as long as the cache
    message::Zone zone = message::Zone::Text;
    std::uint32_t user = 0;  // uid
  };
  // Entries with what they hold. A conversation of 500 kB without findings takes some 20 kB.
  static constexpr std::size_t kBytes = std::size_t{32} << 20;
  // A shorter element is scanned as quickly as it is looked up.
  static constexpr std::size_t kShortest = 128;

  explicit ElementCache(const crypto::Digest& key, std::size_t bytes = kBytes)
      : key_(key), limit_(bytes) {}

  crypto::Digest digest(const Place& place, std::string_view element) const;
  // What became of it; nullopt: not known. `element` is the same that the digest was made of.
  std::optional<Edited> find(const crypto::Digest& digest, std::string_view element);
  // edited: complete, nothing blocked.
  void keep(const crypto::Digest& digest, std::string_view element, const Edited& edited);

  struct Counts {
    std::uint64_t hits = 0, misses = 0;
    std::size_t entries = 0, bytes = 0;
  };
  Counts counts() const;

 private:
  struct Entry {
    crypto::Digest digest;
    std::optional<Edited> edited;  // none: it stayed as it was
    std::size_t bytes = 0;
  };
  struct Hash {
    std::size_t operator()(const crypto::Digest& digest) const;
  };
  void drop_oldest();

  const crypto::Digest key_;
  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // used last in front
  std::unordered_map<crypto::Digest, std::list<Entry>::iterator, Hash> by_digest_;
  std::size_t bytes_ = 0;
  std::uint64_t hits_ = 0, misses_ = 0;
};

}  // namespace veilwire::flow
