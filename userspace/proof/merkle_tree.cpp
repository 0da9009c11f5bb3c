#include "userspace/proof/merkle_tree.h"

#include <bit>
#include <string>
#include <utility>

namespace veilwire::proof {
namespace {

// Domains that keep a record from being taken for a node (RFC 6962, 2.1).
constexpr char kLeaf = 0, kNode = 1;

// The most records that a full left half can have.
std::uint64_t split(std::uint64_t size) { return std::bit_floor(size - 1); }

// The root of the records from begin to end; begin is a multiple of the largest full subtree.
std::optional<Hash> root_of(std::uint64_t begin, std::uint64_t end, const Frontier::Read& read) {
  const std::uint64_t size = end - begin;
  if (std::has_single_bit(size)) {
    const auto level = static_cast<unsigned>(std::countr_zero(size));
    return read({level, begin >> level});
  }
  const std::uint64_t middle = begin + split(size);
  const auto left = root_of(begin, middle, read);
  if (!left) return std::nullopt;
  const auto right = root_of(middle, end, read);
  if (!right) return std::nullopt;
  return node_hash(*left, *right);
}

// Adds the root of the records from begin to end.
bool add(std::uint64_t begin, std::uint64_t end, const Frontier::Read& read, Proof& out) {
  const auto hash = root_of(begin, end, read);
  if (hash) out.push_back(*hash);
  return hash.has_value();
}

// PATH of RFC 6962, 2.1.1, in the tree of the records from begin to end.
bool path(std::uint64_t record, std::uint64_t begin, std::uint64_t end, const Frontier::Read& read,
          Proof& out) {
  if (end - begin == 1) return true;
  const std::uint64_t middle = begin + split(end - begin);
  if (record < middle) return path(record, begin, middle, read, out) && add(middle, end, read, out);
  return path(record, middle, end, read, out) && add(begin, middle, read, out);
}

// SUBPROOF of RFC 6962, 2.1.2. whole: whoever verifies knows the root of the first ones.
bool subproof(std::uint64_t old_end, std::uint64_t begin, std::uint64_t end, bool whole,
              const Frontier::Read& read, Proof& out) {
  if (old_end == end) return whole || add(begin, end, read, out);
  const std::uint64_t middle = begin + split(end - begin);
  if (old_end <= middle)
    return subproof(old_end, begin, middle, whole, read, out) && add(middle, end, read, out);
  return subproof(old_end, middle, end, false, read, out) && add(begin, middle, read, out);
}

}  // namespace

Hash leaf_hash(std::string_view record) {
  crypto::Sha256 hash;
  hash.update({&kLeaf, 1});
  hash.update(record);
  return hash.finish();
}

Hash node_hash(const Hash& left, const Hash& right) {
  std::string bytes(1, kNode);
  bytes += crypto::as_bytes(left);
  bytes += crypto::as_bytes(right);
  return crypto::sha256(bytes);
}

Hash empty_root() { return crypto::sha256({}); }

std::vector<SubtreeId> subtrees_of(std::uint64_t size) {
  std::vector<SubtreeId> out;
  for (std::uint64_t begin = 0; begin < size;) {
    const std::uint64_t records = std::bit_floor(size - begin);
    const auto level = static_cast<unsigned>(std::countr_zero(records));
    out.push_back({level, begin >> level});
    begin += records;
  }
  return out;
}

std::optional<Frontier> Frontier::of(std::uint64_t size, const Read& read) {
  if (size > kMostRecords) return std::nullopt;
  Frontier frontier;
  frontier.size_ = size;
  for (const SubtreeId id : subtrees_of(size)) {
    const auto hash = read(id);
    if (!hash) return std::nullopt;
    frontier.full_.push_back(*hash);
  }
  return frontier;
}

void Frontier::append(const Hash& leaf,
                      const std::function<void(SubtreeId, const Hash&)>& on_full) {
  Hash hash = leaf;
  on_full({0, size_}, hash);
  // Each bit that carries over joins two subtrees of one size.
  for (unsigned level = 0; (size_ >> level & 1) != 0; ++level) {
    hash = node_hash(full_.back(), hash);
    full_.pop_back();
    on_full({level + 1, size_ >> (level + 1)}, hash);
  }
  full_.push_back(hash);
  ++size_;
}

Hash Frontier::root() const {
  if (full_.empty()) return empty_root();
  Hash root = full_.back();
  for (std::size_t i = full_.size() - 1; i-- > 0;) root = node_hash(full_[i], root);
  return root;
}

std::optional<Proof> inclusion_proof(std::uint64_t record, std::uint64_t size,
                                     const Frontier::Read& read) {
  if (record >= size || size > kMostRecords) return std::nullopt;
  Proof out;
  if (!path(record, 0, size, read, out)) return std::nullopt;
  return out;
}

std::optional<Proof> consistency_proof(std::uint64_t old_size, std::uint64_t size,
                                       const Frontier::Read& read) {
  if (old_size > size || size > kMostRecords) return std::nullopt;
  Proof out;
  if (old_size == 0 || old_size == size) return out;
  if (!subproof(old_size, 0, size, true, read, out)) return std::nullopt;
  return out;
}

// RFC 9162, 2.1.3.2.
bool is_included(const Hash& leaf, std::uint64_t record, std::uint64_t size, const Hash& root,
                 const Proof& proof) {
  if (record >= size) return false;
  std::uint64_t node = record, last = size - 1;
  Hash hash = leaf;
  for (const Hash& next : proof) {
    if (last == 0) return false;
    if ((node & 1) != 0 || node == last) {
      hash = node_hash(next, hash);
      while ((node & 1) == 0 && node != 0) node >>= 1, last >>= 1;
    } else {
      hash = node_hash(hash, next);
    }
    node >>= 1, last >>= 1;
  }
  return last == 0 && hash == root;
}

// RFC 9162, 2.1.4.2.
bool is_consistent(std::uint64_t old_size, const Hash& old_root, std::uint64_t size,
                   const Hash& root, const Proof& proof) {
  if (old_size > size) return false;
  if (old_size == size) return proof.empty() && old_root == root;
  if (old_size == 0) return proof.empty() && old_root == empty_root();
  std::uint64_t node = old_size - 1, last = size - 1;
  while ((node & 1) != 0) node >>= 1, last >>= 1;
  std::size_t at = 0;
  // A full tree is its own first hash, which the proof does not repeat.
  Hash old_hash = old_root;
  if (node != 0) {
    if (proof.empty()) return false;
    old_hash = proof[at++];
  }
  Hash hash = old_hash;
  for (; at < proof.size(); ++at) {
    if (last == 0) return false;
    if ((node & 1) != 0 || node == last) {
      old_hash = node_hash(proof[at], old_hash);
      hash = node_hash(proof[at], hash);
      while ((node & 1) == 0 && node != 0) node >>= 1, last >>= 1;
    } else {
      hash = node_hash(hash, proof[at]);
    }
    node >>= 1, last >>= 1;
  }
  return last == 0 && old_hash == old_root && hash == root;
}

}  // namespace veilwire::proof
