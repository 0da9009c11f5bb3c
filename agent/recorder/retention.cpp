#include "agent/recorder/retention.h"

#include <algorithm>
#include <utility>

namespace veilwire::recorder {
namespace {

// Looked at, said and deleted together: looking takes some milliseconds, in the committer's thread.
constexpr std::uint64_t kSaidAtOnce = 5000;

// A few lookups for each that is open.
constexpr std::string_view kOpen = R"sql(
SELECT min((SELECT id FROM records r WHERE r.session = e.session AND r.exchange = e.exchange
            ORDER BY id LIMIT 1))
FROM entries e WHERE e.ended_ns IS NULL AND e.session <> ?1)sql";

constexpr std::string_view kFind = R"sql(
SELECT session, exchange, content,
       kind = 'checkpoint.key' OR EXISTS(SELECT 1 FROM dead_letters WHERE record = ?1)
FROM records WHERE id = ?1)sql";

Database& with_indexes(Database& database, const RetentionPolicy& policy) {
  if (policy.keep) {
    database.execute(
        "CREATE INDEX IF NOT EXISTS pieces_by_content ON pieces(content);"
        "CREATE INDEX IF NOT EXISTS records_by_content ON records(content)"
        " WHERE content IS NOT NULL;"
        "CREATE INDEX IF NOT EXISTS entry_terms_by_entry ON entry_terms(entry)");
  }
  return database;
}

}  // namespace

Retention::Retention(Database& database, RetentionPolicy policy)
    : policy_(std::move(policy)),
      database_(with_indexes(database, policy_)),
      cosigned_(database, policy_.witnesses),
      checkpoint_(database,
                  "SELECT max(id) - 1 FROM records WHERE kind IN ('checkpoint', 'checkpoint.key')"
                  " AND kind = 'checkpoint'"),
      position_(database, "SELECT next - 1 FROM sinks WHERE name = ?1"),
      open_(database, kOpen),
      young_(database,
             "SELECT id FROM records WHERE id > ?1 AND id <= ?2 AND wall_ns >= ?3"
             " ORDER BY id LIMIT 1"),
      keys_(database,
            "SELECT count(*) FROM records WHERE kind IN ('checkpoint', 'checkpoint.key')"
            " AND kind = 'checkpoint.key' AND id > ?1 AND id <= ?2"),
      dead_(database,
            "SELECT count(DISTINCT record) FROM dead_letters WHERE record > ?1 AND record <= ?2"),
      say_(database, "UPDATE retention SET through = ?1"),
      swept_(database, "UPDATE retention SET swept = ?1"),
      find_(database, kFind),
      pieces_(database, "SELECT content FROM pieces WHERE record = ?1"),
      drop_record_(database, "DELETE FROM records WHERE id = ?1"),
      drop_pieces_(database, "DELETE FROM pieces WHERE record = ?1"),
      drop_content_(database,
                    "DELETE FROM contents WHERE id = ?1"
                    " AND NOT EXISTS(SELECT 1 FROM pieces WHERE content = ?1)"
                    " AND NOT EXISTS(SELECT 1 FROM records WHERE content = ?1)"),
      find_exchange_(database,
                     "SELECT id FROM records WHERE session = ?1 AND exchange = ?2 LIMIT 1"),
      cut_(database, "UPDATE entries SET cut = 1 WHERE session = ?1 AND exchange = ?2 AND cut = 0"),
      find_entry_(database, "SELECT id FROM entries WHERE session = ?1 AND exchange = ?2"),
      drop_findings_(database, "DELETE FROM entry_findings WHERE entry = ?1"),
      drop_terms_(database, "DELETE FROM entry_terms WHERE entry = ?1"),
      drop_entry_(database, "DELETE FROM entries WHERE id = ?1"),
      any_record_(database, "SELECT id FROM records WHERE id > ?1 AND id <= ?2 LIMIT 1"),
      drop_hashes_(database, "DELETE FROM tree WHERE level = ?1 AND place IN (?2, ?2 + 1)") {}

Retention::Extent Retention::read() {
  return {
      .through = static_cast<std::uint64_t>(
          database_.integer("SELECT ifnull(max(through), 0) FROM retention")),
      .swept = static_cast<std::uint64_t>(
          database_.integer("SELECT ifnull(max(swept), 0) FROM retention")),
  };
}

// -1: no row, or NULL.
std::optional<std::int64_t> Retention::number(Statement& query) {
  const Step step = query.step();
  const std::int64_t value = step == Step::Row && !query.is_null(0) ? query.integer(0) : -1;
  query.reset();
  if (step == Step::Failed) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> Retention::bound(const Extent& extent, std::int64_t now_wall_ns) {
  if (!policy_.keep) return extent.through;
  auto limit = static_cast<std::int64_t>(extent.through + kSaidAtOnce);
  const auto lower = [&](Statement& query, std::int64_t without) {
    const auto found = number(query);
    if (found) limit = std::min(limit, *found < 0 ? without : *found);
    return found.has_value();
  };
  checkpoint_.bind();
  if (!lower(checkpoint_, 0)) return std::nullopt;
  for (const std::string& sink : policy_.delivered_to) {
    position_.bind(std::string_view(sink));
    if (!lower(position_, 0)) return std::nullopt;
  }
  if (!policy_.witnesses.empty()) {
    const auto cosigned = cosigned_.through();
    if (!cosigned) return std::nullopt;
    limit = std::min(limit, *cosigned);
  }
  open_.bind(kNoSession);
  const auto open = number(open_);
  if (!open) return std::nullopt;
  if (*open >= 0) limit = std::min(limit, *open - 1);
  young_.bind(extent.through, limit, now_wall_ns - std::int64_t{policy_.keep->count()});
  const auto young = number(young_);
  if (!young) return std::nullopt;
  if (*young >= 0) limit = std::min(limit, *young - 1);
  return std::max(extent.through, static_cast<std::uint64_t>(std::max<std::int64_t>(limit, 0)));
}

std::optional<std::uint64_t> Retention::count(std::uint64_t after, std::uint64_t through) {
  keys_.bind(after, through);
  dead_.bind(after, through);
  const auto keys = number(keys_), dead = number(dead_);
  if (!keys || !dead) return std::nullopt;
  return through - after - static_cast<std::uint64_t>(*keys + *dead);
}

bool Retention::say(std::uint64_t through) { return say_.run(through); }
bool Retention::swept(std::uint64_t record) { return swept_.run(record); }

bool Retention::forget(std::uint64_t record) {
  find_.bind(record);
  const Step step = find_.step();
  bool goes = false;
  std::string session;
  std::int64_t exchange = 0;
  std::optional<std::int64_t> content;
  if (step == Step::Row) {
    session = find_.text(0);
    exchange = find_.integer(1);
    if (!find_.is_null(2)) content = find_.integer(2);
    goes = find_.integer(3) == 0;
  }
  find_.reset();
  if (step == Step::Failed) return false;
  if (goes && (!forget_record(record, content) || !forget_exchange(session, exchange)))
    return false;
  return forget_hashes(record);
}

bool Retention::forget_record(std::uint64_t record, std::optional<std::int64_t> content) {
  std::vector<std::int64_t> contents;
  if (content) contents.push_back(*content);
  pieces_.bind(record);
  Step step;
  while ((step = pieces_.step()) == Step::Row) contents.push_back(pieces_.integer(0));
  pieces_.reset();
  return step == Step::Done && drop_record_.run(record) && drop_pieces_.run(record) &&
         std::all_of(contents.begin(), contents.end(),
                     [this](std::int64_t id) { return drop_content_.run(id); });
}

// The list has an exchange as long as there is something of it to be seen.
bool Retention::forget_exchange(std::string_view session, std::int64_t exchange) {
  find_exchange_.bind(session, exchange);
  const auto left = number(find_exchange_);
  if (!left) return false;
  if (*left >= 0) return cut_.run(session, exchange);
  find_entry_.bind(session, exchange);
  const auto entry = number(find_entry_);
  if (!entry) return false;
  return *entry < 0 ||
         (drop_findings_.run(*entry) && drop_terms_.run(*entry) && drop_entry_.run(*entry));
}

// The hashes of two halves go when nothing is left of what they hash and the whole of them is
// hashed by a subtree that is full. A proof about a record that is still there, behind the bound or
// kept before it, consists of subtrees that do not hold it, each the other half of one that does:
// of those no half is gone. And the end of the tree at the bound, from which the log can be hashed
// on, consists of full subtrees that are half of nothing full.
bool Retention::forget_hashes(std::uint64_t record) {
  for (unsigned level = 1; (record & ((std::uint64_t{1} << level) - 1)) == 0; ++level) {
    const std::uint64_t begin = record - (std::uint64_t{1} << level);
    any_record_.bind(begin, record);
    const auto left = number(any_record_);
    if (!left) return false;
    if (*left >= 0) return true;
    if (!drop_hashes_.run(std::uint64_t{level - 1}, begin >> (level - 1))) return false;
  }
  return true;
}

}  // namespace veilwire::recorder
