#include "agent/recorder/ledger_reader.h"

#include "agent/recorder/log_tree.h"
#include "agent/recorder/packed_text.h"
#include "agent/recorder/schema.h"

#include <algorithm>

namespace veilwire::recorder {
namespace {

constexpr std::size_t kPortion = 64;  // records of up to 1 MiB

// Of the third version of the schema; a ledger that no recorder has opened since has none of them.
constexpr std::string_view kKnownHow = "running_as, class, known_by, standing, known_age_ms";
constexpr std::string_view kUnknownHow = "NULL, NULL, NULL, NULL, NULL";

constexpr std::string_view kList = R"sql(
SELECT session, exchange, started_ns, ended_ns, issuer, subject, person, uid, server, handling,
       service, method, target, model, mcp_method, tool, status, outcome, blocked, gaps,
       (SELECT group_concat(count || ' ' || category, char(10)) FROM findings f
         WHERE f.session = e.session AND f.exchange = e.exchange), )sql";
constexpr std::string_view kListed = R"sql(
FROM exchanges e
WHERE (exchange > 0 OR handling IS NULL OR handling <> 'intercepted'
       OR NOT EXISTS (SELECT 1 FROM exchanges x WHERE x.session = e.session AND x.exchange > 0))
  AND started_ns >= ?1
  AND (?2 = '' OR subject = ?2 OR person = ?2 OR uid = ?3)
  AND session >= ?4 AND session < ?4 || 'g'
ORDER BY started_ns DESC, session, exchange DESC
LIMIT ?5)sql";

constexpr std::string_view kRecord =
    "SELECT r.id, r.kind, r.bytes, r.content_at, c.text, r.session, r.exchange, r.wall_ns, ";
constexpr std::string_view kRecordFrom = " FROM records r LEFT JOIN contents c ON c.id = r.content";

std::optional<std::int64_t> optional_integer(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return row.integer(column);
}

std::optional<std::int64_t> as_uid(const std::string& person) {
  if (person.empty() || person.size() > 10 ||
      person.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  return std::stoll(person);
}

// "3 secret\n1 pii"
std::map<std::string, std::uint64_t> read_findings(std::string_view text) {
  std::map<std::string, std::uint64_t> findings;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const std::size_t space = line.find(' ');
    std::uint64_t count = 0;
    for (const char c : line.substr(0, space)) count = count * 10 + static_cast<unsigned>(c - '0');
    if (space != std::string_view::npos) findings[std::string(line.substr(space + 1))] += count;
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return findings;
}

// A row of record_.
LedgerReader::StoredRecord read_record(const Statement& row) {
  LedgerReader::StoredRecord record{.id = row.integer(0),
                                    .kind = std::string(row.text(1)),
                                    .bytes = std::string(row.text(2)),
                                    .session = std::string(row.text(5)),
                                    .exchange = static_cast<std::uint64_t>(row.integer(6)),
                                    .wall_ns = row.integer(7)};
  if (!row.is_null(3)) {
    const auto at = static_cast<std::size_t>(row.integer(3));
    // What cannot be unpacked has been changed: as it stands here it is not what was signed.
    const auto text = row.integer(8) == 1 ? unpack_text(row.text(4)) : std::nullopt;
    record.bytes.insert(std::min(at, record.bytes.size()), text ? *text : row.text(4));
  }
  return record;
}

}  // namespace

LedgerReader::LedgerReader(const std::string& path) : database_(path, Database::Mode::ReadOnly) {
  const std::int64_t version = schema_version(database_);
  if (version == 0) throw SqliteError(0, path + " is no ledger");
  if (version > kSchemaVersion)
    throw SqliteError(0, path + " was written by a newer version of this program");
  // Contents could be packed from the fifth version of the schema on.
  record_.append(kRecord).append(version >= 5 ? "c.packed" : "0").append(kRecordFrom);
}

std::vector<ExchangeSummary> LedgerReader::list(const ExchangeFilter& filter) {
  const bool known_how = schema_version(database_) >= 3;
  Statement query(database_,
                  std::string(kList).append(known_how ? kKnownHow : kUnknownHow).append(kListed));
  query.bind(filter.since_wall_ns.value_or(INT64_MIN), std::string_view(filter.person),
             as_uid(filter.person), std::string_view(filter.session),
             std::min<std::uint64_t>(filter.limit, INT64_MAX));
  std::vector<ExchangeSummary> out;
  Step step;
  while ((step = query.step()) == Step::Row) {
    const auto text = [&](int column) { return std::string(query.text(column)); };
    out.push_back({.session = text(0),
                   .exchange = static_cast<std::uint64_t>(query.integer(1)),
                   .started_wall_ns = query.integer(2),
                   .ended_wall_ns = optional_integer(query, 3),
                   .issuer = text(4),
                   .subject = text(5),
                   .person = text(6),
                   .running_as = text(21),
                   .person_class = text(22),
                   .known_by = text(23),
                   .standing = text(24),
                   .known_age_ms = optional_integer(query, 25),
                   .uid = optional_integer(query, 7),
                   .server = text(8),
                   .handling = text(9),
                   .service = text(10),
                   .method = text(11),
                   .target = text(12),
                   .model = text(13),
                   .mcp_method = text(14),
                   .tool = text(15),
                   .outcome = text(17),
                   .status = optional_integer(query, 16),
                   .blocked = static_cast<std::uint64_t>(query.integer(18)),
                   .gaps = static_cast<std::uint64_t>(query.integer(19)),
                   .findings = read_findings(query.text(20))});
  }
  if (step == Step::Failed) throw SqliteError(database_.last_code(), database_.last_error());
  return out;
}

bool LedgerReader::has_exchange(std::string_view session, std::uint64_t exchange) {
  Statement query(database_, "SELECT 1 FROM exchanges WHERE session = ?1 AND exchange = ?2");
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
  if (schema_version(database_) < 4) return std::nullopt;
  if (!find_subtree_) find_subtree_.emplace(database_, kFindSubtree);
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
