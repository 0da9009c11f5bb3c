#include "agent/recorder/log_tree.h"

#include "userspace/crypto/hash.h"

#include <algorithm>

namespace veilwire::recorder {

LogTree::LogTree(Database& database)
    : database_(database), add_(database, "INSERT INTO tree VALUES(?, ?, ?)") {}

proof::Frontier LogTree::read() {
  const std::int64_t size =
      database_.integer("SELECT ifnull(max(place) + 1, 0) FROM tree WHERE level = 0");
  auto end = read(static_cast<std::uint64_t>(size));
  if (!end) throw SqliteError(0, "the ledger's tree has a hole: it has been changed");
  return *std::move(end);
}

std::optional<proof::Frontier> LogTree::read(std::uint64_t size) {
  Statement find(database_, kFindSubtree);
  return proof::Frontier::of(size, [&](proof::SubtreeId id) { return read_subtree(find, id); });
}

bool LogTree::add(proof::Frontier& end, std::string_view record) {
  bool ok = true;
  end.append(proof::leaf_hash(record), [&](proof::SubtreeId id, const proof::Hash& hash) {
    ok = ok && add_.run(std::uint64_t{id.level}, id.index, Blob{crypto::as_bytes(hash)});
  });
  return ok;
}

std::optional<proof::Hash> read_subtree(Statement& find, proof::SubtreeId id) {
  find.bind(std::uint64_t{id.level}, id.index);
  proof::Hash hash{};
  bool found = false;
  if (find.step() == Step::Row) {
    const std::string_view bytes = find.text(0);
    found = bytes.size() == hash.size();
    if (found) std::copy(bytes.begin(), bytes.end(), hash.begin());
  }
  find.reset();
  if (!found) return std::nullopt;
  return hash;
}

}  // namespace veilwire::recorder
