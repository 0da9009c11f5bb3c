// The Merkle tree over the ledger's records (userspace/proof), in tables of the ledger: a hash for
// each full subtree, written in the transaction that writes the record. Tested by
// tests/unit/recorder/log_tree_test.cpp.
#pragma once

#include "agent/recorder/sqlite.h"
#include "userspace/proof/merkle_tree.h"

#include <optional>
#include <string_view>

namespace veilwire::recorder {

class LogTree {
 public:
  explicit LogTree(Database& database);

  // Where the tree ends. Throws SqliteError for tables that hold no tree.
  proof::Frontier read();
  // Where it ended after so many records; nullopt: the hashes for it are not there.
  std::optional<proof::Frontier> read(std::uint64_t size);
  // Adds a record behind the end, which is the caller's: what is rolled back is forgotten with it.
  // false: the database refused.
  bool add(proof::Frontier& end, std::string_view record);

 private:
  Database& database_;
  Statement add_;
};

// Of a full subtree; nullopt: it is not there, or no hash.
std::optional<proof::Hash> read_subtree(Statement& find, proof::SubtreeId id);
inline constexpr std::string_view kFindSubtree =
    "SELECT hash FROM tree WHERE level = ?1 AND place = ?2";

}  // namespace veilwire::recorder
