// A Merkle tree over records (RFC 6962, 2.1; RFC 9162, 2.1): its root binds every record and their
// order, a proof of a few hashes shows that a record is in it, or that a larger tree begins with a
// smaller one.
//
// The log keeps a hash for each full subtree (SubtreeId), about two a record, and reads a few of
// them for a proof; whoever verifies needs nothing but the proof. Proofs come from strangers: all
// of what is given is checked. Tested by tests/unit/proof/merkle_tree_test.cpp against the
// definition and, by tests/evidence, against golang.org/x/mod/sumdb/tlog.
#pragma once

#include "userspace/crypto/hash.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

namespace veilwire::proof {

using Hash = crypto::Digest;
using Proof = std::vector<Hash>;  // at most 64; the hash next to the leaf first

Hash leaf_hash(std::string_view record);
Hash node_hash(const Hash& left, const Hash& right);
Hash empty_root();

// The 2^level records from index * 2^level on; level 0 is a record's own hash.
struct SubtreeId {
  unsigned level = 0;
  std::uint64_t index = 0;
  friend bool operator==(const SubtreeId&, const SubtreeId&) = default;
};

// No tree of ours has more records: sums below stay far from overflow.
inline constexpr std::uint64_t kMostRecords = std::uint64_t{1} << 62;

// The growing end of the tree: a hash for each bit of its size.
class Frontier {
 public:
  Frontier() = default;
  // nullopt: one of the subtrees that subtrees_of() names was not found.
  using Read = std::function<std::optional<Hash>(SubtreeId)>;
  static std::optional<Frontier> of(std::uint64_t size, const Read& read);

  // Calls on_full for each subtree that the record fills, from level 0 up.
  void append(const Hash& leaf, const std::function<void(SubtreeId, const Hash&)>& on_full);

  std::uint64_t size() const { return size_; }  // records
  // Of subtrees_of(size()), in that order: all that whoever only follows a log has to keep.
  const std::vector<Hash>& full() const { return full_; }
  Hash root() const;

 private:
  std::uint64_t size_ = 0;
  std::vector<Hash> full_;  // the largest first
};

// The full subtrees that a tree of this size is made of, from its first record on.
std::vector<SubtreeId> subtrees_of(std::uint64_t size);

// Of the record with this number, from 0, in the tree of the first `size`. nullopt: no such record,
// or a subtree is missing.
std::optional<Proof> inclusion_proof(std::uint64_t record, std::uint64_t size,
                                     const Frontier::Read& read);
// That the tree of the first `size` begins with that of the first `old_size`; empty where they are
// the same, and behind an empty one.
std::optional<Proof> consistency_proof(std::uint64_t old_size, std::uint64_t size,
                                       const Frontier::Read& read);

bool is_included(const Hash& leaf, std::uint64_t record, std::uint64_t size, const Hash& root,
                 const Proof& proof);
bool is_consistent(std::uint64_t old_size, const Hash& old_root, std::uint64_t size,
                   const Hash& root, const Proof& proof);

}  // namespace veilwire::proof
