#include "userspace/flow/element_cache.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace veilwire::flow {
namespace {

// List node, hash node and bucket, roughly.
constexpr std::size_t kEntryBytes = 240;

std::size_t size_of(const Edited& edited) {
  std::size_t size = edited.bytes.size() + sizeof(Edited);
  for (const audit::MaskedSpan& mask : edited.masks)
    size += sizeof(mask) + mask.rule.size() + mask.category.size() + mask.digest.size() +
            mask.action.size();
  return size;
}

}  // namespace

std::size_t ElementCache::Hash::operator()(const crypto::Digest& digest) const {
  std::size_t hash = 0;
  std::memcpy(&hash, digest.data(), sizeof(hash));
  return hash;
}

crypto::Digest ElementCache::digest(const Place& place, std::string_view element) const {
  // Every part but the last has a fixed length: no two places read alike.
  char where[sizeof(place.zone) + sizeof(place.user)];
  std::memcpy(where, &place.zone, sizeof(place.zone));
  std::memcpy(where + sizeof(place.zone), &place.user, sizeof(place.user));
  crypto::Sha256 hash;
  hash.update(crypto::as_bytes(key_));
  hash.update({where, sizeof(where)});
  hash.update(element);
  return hash.finish();
}

ElementCache::ByDigest::iterator ElementCache::entry(const crypto::Digest& digest,
                                                     std::uint64_t engine) {
  const auto [first, last] = by_digest_.equal_range(digest);
  const auto found =
      std::find_if(first, last, [&](const auto& one) { return one.second->engine == engine; });
  return found == last ? by_digest_.end() : found;
}

std::optional<Edited> ElementCache::find(const crypto::Digest& digest, std::uint64_t engine,
                                         std::string_view element) {
  const std::lock_guard lock(mutex_);
  const auto found = entry(digest, engine);
  if (found == by_digest_.end()) {
    ++misses_;
    return std::nullopt;
  }
  ++hits_;
  entries_.splice(entries_.begin(), entries_, found->second);
  if (found->second->edited) return found->second->edited;
  Edited same;
  same.bytes = element;
  return same;
}

std::optional<crypto::Digest> ElementCache::said(const crypto::Digest& digest) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_digest_.find(digest);
  if (found == by_digest_.end()) return std::nullopt;
  return found->second->said;
}

void ElementCache::keep(const crypto::Digest& digest, std::uint64_t engine,
                        std::string_view element, const Edited& edited,
                        const crypto::Digest& said) {
  Entry entry{digest, engine, said, std::nullopt, kEntryBytes};
  if (!edited.masks.empty() || edited.bytes != element) {
    entry.edited = edited;
    entry.edited->originals.clear();  // nobody asks, and they are secrets
    entry.bytes += size_of(edited);
  }
  if (entry.bytes > limit_) return;
  const std::lock_guard lock(mutex_);
  if (this->entry(digest, engine) != by_digest_.end()) return;  // another thread was first
  while (bytes_ > limit_ - entry.bytes) drop_oldest();
  bytes_ += entry.bytes;
  entries_.push_front(std::move(entry));
  by_digest_.emplace(digest, entries_.begin());
}

void ElementCache::drop_oldest() {
  const Entry& oldest = entries_.back();
  bytes_ -= oldest.bytes;
  by_digest_.erase(entry(oldest.digest, oldest.engine));
  entries_.pop_back();
}

ElementCache::Counts ElementCache::counts() const {
  const std::lock_guard lock(mutex_);
  return {hits_, misses_, entries_.size(), bytes_};
}

}  // namespace veilwire::flow
