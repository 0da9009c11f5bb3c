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

// What is read while it lives is read of one moment.
class Snapshot {
 public:
  explicit Snapshot(Database& database) : end_(database, "ROLLBACK") { database.execute("BEGIN"); }
  ~Snapshot() { end_.run(); }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

 private:
  Statement end_;
};

}  // namespace

LedgerReader::LedgerReader(const std::string& path) : database_(path, Database::Mode::ReadOnly) {
  const std::int64_t version = version_ = schema_version(database_);
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

std::string LedgerReader::origin() {
  Statement query(database_, "SELECT origin FROM log");
  if (query.step() != Step::Row) throw SqliteError(database_.last_code(), "the log has no name");
  return std::string(query.text(0));
}

std::optional<std::uint64_t> LedgerReader::span(
    const Span& span, const std::function<void(const StoredRecord&)>& visit) {
  Statement query(database_,
                  record_ + (span.exchange ? " WHERE r.id BETWEEN ?1 AND ?2 AND r.session = ?3"
                                             " AND r.exchange = ?4 ORDER BY r.id"
                                           : " WHERE r.id BETWEEN ?1 AND ?2 ORDER BY r.id"));
  if (span.exchange) {
    query.bind(span.from, span.through, std::string_view(span.exchange->session),
               span.exchange->number);
  } else {
    query.bind(span.from, span.through);
  }
  std::uint64_t bytes = 0;
  Step step;
  while ((step = query.step()) == Step::Row) {
    if (bytes >= span.most_bytes) return static_cast<std::uint64_t>(query.integer(0));
    const StoredRecord record = read_record(query);
    if (bytes != 0 && record.bytes.size() > span.most_bytes - bytes)
      return static_cast<std::uint64_t>(record.id);
    bytes += record.bytes.size();
    visit(record);
  }
  if (step == Step::Failed) throw SqliteError(database_.last_code(), database_.last_error());
  return std::nullopt;
}

bool LedgerReader::is_cut(const Exchange& exchange) {
  if (version_ < 9) return false;
  Statement query(database_,
                  "SELECT 1 FROM entries WHERE session = ?1 AND exchange = ?2 AND cut = 1");
  query.bind(std::string_view(exchange.session), exchange.number);
  const Step step = query.step();
  if (step == Step::Failed) throw SqliteError(database_.last_code(), database_.last_error());
  return step == Step::Row;
}

std::uint64_t LedgerReader::deleted() {
  if (version_ < 9) return 0;
  return static_cast<std::uint64_t>(
      database_.integer("SELECT ifnull(max(swept), 0) FROM retention"));
}

std::optional<LedgerReader::Beginning> LedgerReader::beginning() {
  // What is read goes as the bound grows.
  const Snapshot snapshot(database_);
  Beginning out;
  out.records = deleted();
  auto end = proof::Frontier::of(out.records, [this](proof::SubtreeId id) { return subtree(id); });
  Statement kept(database_, "SELECT id FROM records WHERE id <= ?1 ORDER BY id");
  kept.bind(out.records);
  Step step;
  while ((step = kept.step()) == Step::Row) out.kept.push_back(kept.integer(0));
  if (step == Step::Failed) throw SqliteError(database_.last_code(), database_.last_error());
  if (!end) return std::nullopt;
  out.end = *std::move(end);
  return out;
}

std::vector<SinkState> LedgerReader::sinks() {
  if (version_ < 8) return {};
  Statement query(database_,
                  "SELECT name, destination, next, delivered, attached_wall_ns, confirmed_wall_ns,"
                  " (SELECT ifnull(max(id), 0) FROM records) + 1 - next,"
                  " (SELECT wall_ns FROM records WHERE id >= next ORDER BY id LIMIT 1),"
                  " (SELECT count(*) FROM dead_letters WHERE sink = name)"
                  " FROM sinks ORDER BY name");
  std::vector<SinkState> out;
  Step step;
  while ((step = query.step()) == Step::Row) {
    SinkState& sink = out.emplace_back();
    sink.name = query.text(0);
    sink.destination = query.text(1);
    sink.next = static_cast<std::uint64_t>(query.integer(2));
    sink.delivered = static_cast<std::uint64_t>(query.integer(3));
    sink.attached_wall_ns = query.integer(4);
    if (!query.is_null(5)) sink.confirmed_wall_ns = query.integer(5);
    sink.lag = static_cast<std::uint64_t>(query.integer(6));
    if (!query.is_null(7)) sink.oldest_undelivered_wall_ns = query.integer(7);
    sink.dead_letters = static_cast<std::uint64_t>(query.integer(8));
  }
  if (step == Step::Failed) throw SqliteError(database_.last_code(), database_.last_error());
  return out;
}

std::vector<SinkDeadLetter> LedgerReader::dead_letters(std::string_view sink) {
  if (version_ < 8) return {};
  Statement query(
      database_,
      "SELECT record, reason, wall_ns FROM dead_letters WHERE sink = ?1 ORDER BY record");
  query.bind(sink);
  std::vector<SinkDeadLetter> out;
  Step step;
  while ((step = query.step()) == Step::Row) {
    out.push_back({.record = static_cast<std::uint64_t>(query.integer(0)),
                   .reason = std::string(query.text(1)),
                   .wall_ns = query.integer(2)});
  }
  if (step == Step::Failed) throw SqliteError(database_.last_code(), database_.last_error());
  return out;
}

std::vector<StoredCosignature> LedgerReader::cosignatures() {
  if (version_ < 8) return {};
  Statement query(database_, "SELECT size, line, wall_ns FROM cosignatures ORDER BY size, line");
  std::vector<StoredCosignature> out;
  Step step;
  while ((step = query.step()) == Step::Row) {
    out.push_back({.size = static_cast<std::uint64_t>(query.integer(0)),
                   .line = std::string(query.text(1)),
                   .wall_ns = query.integer(2)});
  }
  if (step == Step::Failed) throw SqliteError(database_.last_code(), database_.last_error());
  return out;
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
