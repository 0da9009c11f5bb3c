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
  // Where an element stands: equal bytes at equal places have equal results of one engine.
  struct Place {
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
  // What became of it under an engine, named by its serial; nullopt: not known. `element` is the
  // same that the digest was made of.
  std::optional<Edited> find(const crypto::Digest& digest, std::uint64_t engine,
                             std::string_view element);
  // edited: complete, nothing blocked. said: the digest of its texts (said_in()).
  void keep(const crypto::Digest& digest, std::uint64_t engine, std::string_view element,
            const Edited& edited, const crypto::Digest& said);
  // What keep() was told for it, under whatever engine.
  std::optional<crypto::Digest> said(const crypto::Digest& digest) const;

  struct Counts {
    std::uint64_t hits = 0, misses = 0;
    std::size_t entries = 0, bytes = 0;
  };
  Counts counts() const;

 private:
  struct Entry {
    crypto::Digest digest;
    std::uint64_t engine = 0;
    crypto::Digest said;
    std::optional<Edited> edited;  // none: it stayed as it was
    std::size_t bytes = 0;
  };
  using Entries = std::list<Entry>;
  struct Hash {
    std::size_t operator()(const crypto::Digest& digest) const;
  };
  // One digest has an entry for each engine that has read it.
  using ByDigest = std::unordered_multimap<crypto::Digest, Entries::iterator, Hash>;
  ByDigest::iterator entry(const crypto::Digest& digest, std::uint64_t engine);
  void drop_oldest();

  const crypto::Digest key_;
  const std::size_t limit_;
  mutable std::mutex mutex_;
  Entries entries_;  // used last in front
  ByDigest by_digest_;
  std::size_t bytes_ = 0;
  std::uint64_t hits_ = 0, misses_ = 0;
};

}  // namespace veilwire::flow
