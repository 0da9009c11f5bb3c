#include "agent/recorder/ledger_reader.h"

#include "agent/recorder/exchange_query.h"
#include "agent/recorder/exchange_stats.h"
#include "agent/recorder/log_tree.h"
#include "agent/recorder/packed_text.h"
#include "agent/recorder/schema.h"

#include <algorithm>

namespace veilwire::recorder {
namespace {

constexpr std::size_t kPortion = 64;  // records of up to 1 MiB

constexpr std::string_view kRecord =
    "SELECT r.id, r.kind, r.bytes, r.content_at, c.text, r.session, r.exchange, r.wall_ns, ";
constexpr std::string_view kRecordFrom = " FROM records r LEFT JOIN contents c ON c.id = r.content";

constexpr std::string_view kPieces =
    "SELECT c.text, c.packed FROM pieces p JOIN contents c ON c.id = p.content"
    " WHERE p.record = ?1 ORDER BY p.place";

// What cannot be unpacked has been changed: as it stands here it is not what was signed.
std::string text_of(const Statement& row, int text, int packed) {
  auto unpacked = row.integer(packed) == 1 ? unpack_text(row.text(text)) : std::nullopt;
  return unpacked ? *std::move(unpacked) : std::string(row.text(text));
}

}  // namespace

LedgerReader::LedgerReader(const std::string& path) : database_(path, Database::Mode::ReadOnly) {
  const std::int64_t version = schema_version(database_);
  if (version == 0) throw SqliteError(0, path + " is no ledger");
  if (version > kSchemaVersion)
    throw SqliteError(0, path + " was written by a newer version of this program");
  // Contents could be packed from the fifth version of the schema on, and be several from the
  // sixth.
  if (version >= 4) find_subtree_.emplace(database_, kFindSubtree);
  if (version >= 6) find_pieces_.emplace(database_, kPieces);
  record_.append(kRecord).append(version >= 5 ? "c.packed" : "0").append(kRecordFrom);
}

std::vector<ExchangeSummary> LedgerReader::list(const ExchangeFilter& filter) {
  return is_earlier(database_) ? list_earlier_exchanges(database_, filter)
                               : list_exchanges(database_, filter);
}

std::vector<std::vector<ExchangeCount>> LedgerReader::count(const ExchangeFilter& filter,
                                                            const std::vector<CountBy>& by) {
  if (is_earlier(database_)) {
    throw SqliteError(
        0, "it is of an earlier version: the recorder of this version has to open it first");
  }
  return count_exchanges(database_, filter, by);
}

bool LedgerReader::has_exchange(std::string_view session, std::uint64_t exchange) {
  Statement query(database_, std::string("SELECT 1 FROM ") +
                                 (is_earlier(database_) ? "exchanges" : "entries") +
                                 " WHERE session = ?1 AND exchange = ?2");
  query.bind(session, exchange);
  const Step step = query.step();
  if (step == Step::Failed) throw SqliteError(database_.last_code(), database_.last_error());
  return step == Step::Row;
}

std::vector<std::string> LedgerReader::sessions(std::string_view prefix) {
  Statement query(database_,
                  "SELECT DISTINCT session FROM records WHERE session >= ?1 AND session < ?1 || 'g'"
                  " AND session <> '' LIMIT 2");
  query.bind(prefix);
  std::vector<std::string> out;
  Step step;
  while ((step = query.step()) == Step::Row) out.emplace_back(query.text(0));
  if (step == Step::Failed) throw SqliteError(database_.last_code(), database_.last_error());
  return out;
}

void LedgerReader::records(std::string_view session, std::uint64_t exchange,
                           const std::function<bool(const StoredRecord&)>& visit) {
  Statement query(database_, record_ +
                                 " WHERE r.session = ?1 AND r.exchange = ?2 AND r.id > ?3"
                                 " ORDER BY r.id LIMIT ?4");
  portions(query, session, exchange, 0, visit);
}

std::vector<std::int64_t> LedgerReader::record_ids(std::string_view session,
                                                   std::uint64_t exchange) {
  Statement query(database_, "SELECT id FROM records WHERE session = ?1 AND exchange = ?2");
  query.bind(session, exchange);
  std::vector<std::int64_t> out;
  Step step;
  while ((step = query.step()) == Step::Row) out.push_back(query.integer(0));
  if (step == Step::Failed) throw SqliteError(database_.last_code(), database_.last_error());
  return out;
}

std::optional<LedgerReader::StoredRecord> LedgerReader::record(std::int64_t id) {
  Statement query(database_, record_ + " WHERE r.id = ?1");
  query.bind(id);
  const Step step = query.step();
  if (step == Step::Failed) throw SqliteError(database_.last_code(), database_.last_error());
  if (step == Step::Done) return std::nullopt;
  return read_record(query);
}

void LedgerReader::all_records(std::int64_t id,
                               const std::function<bool(const StoredRecord&)>& visit) {
  Statement query(database_, record_ +
                                 " WHERE ?1 IS NOT NULL AND ?2 IS NOT NULL AND r.id > ?3"
                                 " ORDER BY r.id LIMIT ?4");
  portions(query, "", 0, id, visit);
}

std::int64_t LedgerReader::last_record() {
  return database_.integer("SELECT ifnull(max(id), 0) FROM records");
}

std::vector<LedgerReader::StoredRecord> LedgerReader::checkpoint_keys() {
  return of_kind("checkpoint.key", " ORDER BY r.id");
}

std::optional<LedgerReader::StoredRecord> LedgerReader::last_checkpoint() {
  auto found = of_kind("checkpoint", " ORDER BY r.id DESC LIMIT 1");
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::optional<proof::Hash> LedgerReader::subtree(proof::SubtreeId id) {
  if (!find_subtree_) return std::nullopt;
  return read_subtree(*find_subtree_, id);
}

std::vector<LedgerReader::StoredRecord> LedgerReader::of_kind(std::string_view kind,
                                                              std::string_view order) {
  Statement query(database_, (record_ + " WHERE r.kind IN ('checkpoint', 'checkpoint.key')"
                                        " AND r.kind = ?1")
                                 .append(order));
  query.bind(kind);
  std::vector<StoredRecord> out;
  Step step;
  while ((step = query.step()) == Step::Row) out.push_back(read_record(query));
  if (step == Step::Failed) throw SqliteError(database_.last_code(), database_.last_error());
  return out;
}

// A row of record_.
LedgerReader::StoredRecord LedgerReader::read_record(const Statement& row) {
  StoredRecord record{.id = row.integer(0),
                      .kind = std::string(row.text(1)),
                      .bytes = std::string(row.text(2)),
                      .session = std::string(row.text(5)),
                      .exchange = static_cast<std::uint64_t>(row.integer(6)),
                      .wall_ns = row.integer(7)};
  if (!row.is_null(3)) {
    const auto at = static_cast<std::size_t>(row.integer(3));
    record.bytes.insert(std::min(at, record.bytes.size()),
                        row.is_null(4) ? pieces_of(record.id) : text_of(row, 4, 8));
  }
  return record;
}

std::string LedgerReader::pieces_of(std::int64_t record) {
  std::string out;
  if (!find_pieces_) return out;
  find_pieces_->bind(record);
  Step step;
  while ((step = find_pieces_->step()) == Step::Row) out += text_of(*find_pieces_, 0, 1);
  find_pieces_->reset();
  if (step == Step::Failed) throw SqliteError(database_.last_code(), database_.last_error());
  return out;
}

void LedgerReader::portions(Statement& query, std::string_view session, std::uint64_t exchange,
                            std::int64_t id,
                            const std::function<bool(const StoredRecord&)>& visit) {
  for (;;) {
    std::vector<StoredRecord> portion;
    query.bind(session, exchange, id, std::uint64_t{kPortion});
    Step step;
    while ((step = query.step()) == Step::Row) {
      portion.push_back(read_record(query));
    }
    if (step == Step::Failed) throw SqliteError(database_.last_code(), database_.last_error());
    query.reset();
    for (const StoredRecord& record : portion) {
      if (!visit(record)) return;
      id = record.id;
    }
    if (portion.size() < kPortion) return;
  }
}

}  // namespace veilwire::recorder
