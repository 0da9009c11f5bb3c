#include "agent/witness/postgres_store.h"

#include "agent/witness/postgres_schema.h"
#include "agent/witness/record_columns.h"

#include <algorithm>
#include <utility>

// A time as text; a literal, as every statement is.
#define VEILWIRE_TIME(column) \
  "coalesce(to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), '')"

namespace veilwire::witness {
namespace {

// PostgreSQL's own limit for COPY data in one call is 1 GB; a batch has a few MB.
constexpr int kColumns = 12;
// Rows that are read at once, of at most a megabyte each.
constexpr std::uint64_t kPage = 64;

std::optional<proof::Hash> as_hash(std::string_view bytes) {
  proof::Hash hash;
  if (bytes.size() != hash.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}

StoreFailure damaged() { return {"the store does not hold what was written to it"}; }

std::string copied_rows(std::int64_t log, const Addition& addition, bool with_bytes) {
  CopyRows rows;
  std::int64_t number = static_cast<std::int64_t>(addition.size);
  for (std::size_t i = 0; i < addition.records.size(); ++i) {
    const RecordColumns columns = columns_of(addition.growth->parsed[i]);
    rows.row(kColumns);
    rows.integer(log);
    rows.integer(++number);
    rows.time(columns.wall_ns);
    rows.bytes(columns.kind);
    rows.bytes(columns.host);
    rows.bytes(columns.session);
    rows.integer(static_cast<std::int64_t>(columns.exchange));
    if (columns.person) {
      rows.bytes(columns.person->issuer);
      rows.bytes(columns.person->subject);
      rows.bytes(columns.person->name);
    } else {
      for (int n = 0; n < 3; ++n) rows.null();
    }
    rows.bytes(crypto::as_bytes(addition.growth->leaves[i]));
    rows.bytes(with_bytes ? addition.records[i] : std::string_view());
  }
  return rows.finish();
}

// Seconds of the epoch with a fraction, as to_timestamp() takes them.
SqlValue epoch_of(const std::optional<WallTime>& time) {
  if (!time) return std::nullopt;
  return std::to_string(static_cast<double>(time->since_epoch.count()) / 1e9);
}

}  // namespace

Result<void, StoreFailure> PostgresStore::check() {
  auto checked = check_store(database_);
  checked_ = checked.has_value();
  return checked;
}

Result<std::optional<KeptLog>, StoreFailure> PostgresStore::find(std::string_view origin) {
  if (!checked_) {
    if (auto checked = check(); !checked) return Unexpected{checked.error()};
  }
  constexpr const char* kFind =
      "SELECT client, size, frontier, key, trusted, checkpoint_size, checkpoint, cosignature,"
      " (extract(epoch FROM signed_at) * 1000000)::bigint"
      " FROM veilwire.logs WHERE origin = $1";
  auto rows = database_.run(kFind, {origin});
  // A connection that the server has closed while nobody needed it shows now.
  if (!rows) rows = database_.run(kFind, {origin});
  if (!rows) return checked_ = false, Unexpected{rows.error()};
  if (rows->count() == 0) return std::optional<KeptLog>();
  KeptLog kept;
  kept.client = rows->bytes(0, 0);
  kept.log.origin = origin;
  auto end =
      evidence::read_frontier(static_cast<std::uint64_t>(rows->integer(0, 1)), rows->bytes(0, 2));
  kept.log.key = rows->bytes(0, 3);
  if (!end || (!kept.log.key.empty() && !proof::NoteVerifier::parse(kept.log.key)))
    return Unexpected{damaged()};
  kept.log.end = *std::move(end);
  kept.log.is_trusted = rows->integer(0, 4) != 0;
  if (!rows->is_null(0, 5)) {
    kept.log.checkpoint = {static_cast<std::uint64_t>(rows->integer(0, 5)),
                           std::string(rows->bytes(0, 6)), std::nullopt};
    kept.cosignature = rows->bytes(0, 7);
    if (!rows->is_null(0, 8))
      kept.log.checkpoint->signed_at = WallTime{std::chrono::microseconds(rows->integer(0, 8))};
  }
  return std::optional(std::move(kept));
}

Result<std::vector<proof::Hash>, StoreFailure> PostgresStore::leaves(std::string_view origin,
                                                                     std::uint64_t first,
                                                                     std::uint64_t count) {
  const auto rows = database_.run(
      "SELECT r.leaf_hash FROM veilwire.records r JOIN veilwire.logs l ON l.id = r.log"
      " WHERE l.origin = $1 AND r.number >= $2::bigint AND r.number < $2::bigint + $3::bigint"
      " ORDER BY r.number",
      {origin, first, count});
  if (!rows) return Unexpected{rows.error()};
  std::vector<proof::Hash> out;
  for (std::size_t i = 0; i < rows->count(); ++i) {
    const auto hash = as_hash(rows->bytes(i, 0));
    if (!hash) return Unexpected{damaged()};
    out.push_back(*hash);
  }
  return out;
}

Result<bool, StoreFailure> PostgresStore::add(const Addition& addition) {
  auto added = begin_and_add(addition);
  if (!added || !*added) database_.abandon();
  return added;
}

// The compare-and-swap: one row, which whoever comes at the same time waits for and then does not
// find. nullopt: it has another size.
Result<std::optional<std::int64_t>, StoreFailure> PostgresStore::move_end(
    const Addition& addition) {
  const evidence::WitnessedLog& after = addition.growth->after;
  const std::uint64_t size = after.end.size();
  const std::string frontier = evidence::frontier_bytes(after.end);
  const bool cosigned = !addition.cosignature.empty();
  const SqlValue checkpoint_size =
      cosigned ? SqlValue(after.checkpoint->size) : SqlValue(std::nullopt);
  const SqlValue note = cosigned ? SqlValue(after.checkpoint->note) : SqlValue(std::nullopt);
  const SqlValue line = cosigned ? SqlValue(addition.cosignature) : SqlValue(std::nullopt);
  const SqlValue signed_at = cosigned ? epoch_of(after.checkpoint->signed_at) : std::nullopt;
  auto moved =
      addition.size == 0
          ? database_.run(
                "INSERT INTO veilwire.logs(origin, client, size, frontier, key, trusted,"
                "  checkpoint_size, checkpoint, cosignature, signed_at, cosigned_at)"
                " VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9::text, to_timestamp($10),"
                "  CASE WHEN $9::text IS NOT NULL THEN now() END)"
                " ON CONFLICT(origin) DO NOTHING RETURNING id",
                {after.origin, addition.client, size, SqlValue::binary(frontier), after.key,
                 after.is_trusted, checkpoint_size, note, line, signed_at})
          : database_.run(
                "UPDATE veilwire.logs SET size = $3, frontier = $4, key = $5, trusted = $6,"
                "  checkpoint_size = coalesce($7, checkpoint_size),"
                "  checkpoint = coalesce($8, checkpoint),"
                "  cosignature = coalesce($9::text, cosignature),"
                "  signed_at = CASE WHEN $9::text IS NULL THEN signed_at ELSE to_timestamp($10) "
                "END,"
                "  cosigned_at = CASE WHEN $9::text IS NULL THEN cosigned_at ELSE now() END,"
                "  received_at = now()"
                " WHERE origin = $1 AND size = $2 RETURNING id",
                {after.origin, addition.size, size, SqlValue::binary(frontier), after.key,
                 after.is_trusted, checkpoint_size, note, line, signed_at});
  if (!moved) return Unexpected{moved.error()};
  if (moved->count() == 0) return std::optional<std::int64_t>();
  return std::optional(moved->integer(0, 0));
}

Result<bool, StoreFailure> PostgresStore::begin_and_add(const Addition& addition) {
  if (auto begun = database_.run("BEGIN"); !begun) return Unexpected{begun.error()};
  const auto log = move_end(addition);
  if (!log) return Unexpected{log.error()};
  if (!*log) return false;
  auto copied = database_.copy(
      "COPY veilwire.records(log, number, at, kind, host, session, exchange, issuer, subject,"
      " person, leaf_hash, canonical) FROM STDIN (FORMAT binary)",
      copied_rows(**log, addition, keeps_bytes_));
  if (!copied) return Unexpected{copied.error()};
  if (!addition.cosignature.empty()) {
    const auto& checkpoint = *addition.growth->after.checkpoint;
    auto kept = database_.run(
        "INSERT INTO veilwire.checkpoints(log, size, note, cosignature, signed_at)"
        " VALUES($1, $2, $3, $4, to_timestamp($5))",
        {**log, checkpoint.size, checkpoint.note, addition.cosignature,
         epoch_of(checkpoint.signed_at)});
    if (!kept) return Unexpected{kept.error()};
  }
  // Where the answer to this is lost, nobody knows; the host sends again and is compared.
  if (auto committed = database_.run("COMMIT"); !committed) return Unexpected{committed.error()};
  return true;
}

Result<void, StoreFailure> PostgresStore::note(const Tampering& tampering) {
  const proof::Hash given = proof::leaf_hash(tampering.given);
  auto noted = database_.run(
      "INSERT INTO veilwire.tampering(origin, client, number, what, given_hash, given, held_hash)"
      " VALUES($1, $2, $3, $4, $5, $6, $7)"
      " ON CONFLICT(origin, number, given_hash, client)"
      " DO UPDATE SET times = tampering.times + 1, last_at = now()",
      {tampering.origin, tampering.client, tampering.record, column_text(tampering.what),
       SqlValue::binary(crypto::as_bytes(given)), SqlValue::binary(tampering.given),
       tampering.held ? SqlValue::binary(crypto::as_bytes(*tampering.held))
                      : SqlValue(std::nullopt)});
  if (!noted) return Unexpected{noted.error()};
  return {};
}

Result<std::vector<LogRow>, StoreFailure> PostgresStore::logs() {
  if (auto checked = check(); !checked) return Unexpected{checked.error()};
  const auto rows = database_.run(
      "SELECT origin, client, key, trusted, size, coalesce(checkpoint_size, 0),"
      " " VEILWIRE_TIME("signed_at") ", " VEILWIRE_TIME("cosigned_at") ", "
      VEILWIRE_TIME("received_at") ","
      " extract(epoch FROM clock_timestamp() -"
      "  least(coalesce(signed_at, created_at), coalesce(cosigned_at, created_at)))::bigint,"
      " (SELECT count(*) FROM veilwire.tampering t WHERE t.origin = l.origin)"
      " FROM veilwire.logs l ORDER BY origin");
  if (!rows) return Unexpected{rows.error()};
  std::vector<LogRow> out;
  for (std::size_t i = 0; i < rows->count(); ++i) {
    const auto text = [&](int column) { return std::string(rows->bytes(i, column)); };
    const auto number = [&](int column) {
      return static_cast<std::uint64_t>(rows->integer(i, column));
    };
    out.push_back({.origin = text(0),
                   .client = text(1),
                   .key = text(2),
                   .trusted = number(3) != 0,
                   .size = number(4),
                   .checkpoint_size = number(5),
                   .signed_at = text(6),
                   .cosigned_at = text(7),
                   .received_at = text(8),
                   .silent_seconds = rows->integer(i, 9),
                   .tampering = number(10)});
  }
  return out;
}

Result<void, StoreFailure> PostgresStore::records(
    std::string_view origin,
    const std::function<bool(std::uint64_t number, std::string_view canonical)>& on_record) {
  std::uint64_t last = 0;
  for (;;) {
    const auto rows = database_.run(
        "SELECT r.number, r.canonical FROM veilwire.records r"
        " JOIN veilwire.logs l ON l.id = r.log"
        " WHERE l.origin = $1 AND r.number > $2 ORDER BY r.number LIMIT $3",
        {origin, last, kPage});
    if (!rows) return Unexpected{rows.error()};
    for (std::size_t i = 0; i < rows->count(); ++i) {
      last = static_cast<std::uint64_t>(rows->integer(i, 0));
      if (!on_record(last, rows->bytes(i, 1))) return {};
    }
    if (rows->count() < kPage) return {};
  }
}

// A log has a few megabytes of them in a year.
Result<void, StoreFailure> PostgresStore::checkpoints(
    std::string_view origin,
    const std::function<void(const std::string& note, const std::string& cosignature)>& on_each) {
  std::uint64_t last = 0;
  for (bool more = true; more;) {
    constexpr std::uint64_t kAtOnce = 1000;
    const auto rows = database_.run(
        "SELECT c.size + 1, c.note, c.cosignature FROM veilwire.checkpoints c"
        " JOIN veilwire.logs l ON l.id = c.log"
        " WHERE l.origin = $1 AND c.size >= $2 ORDER BY c.size LIMIT $3",
        {origin, last, kAtOnce});
    if (!rows) return Unexpected{rows.error()};
    for (std::size_t i = 0; i < rows->count(); ++i) {
      last = static_cast<std::uint64_t>(rows->integer(i, 0));
      on_each(std::string(rows->bytes(i, 1)), std::string(rows->bytes(i, 2)));
    }
    more = rows->count() == kAtOnce;
  }
  return {};
}

Result<std::vector<TamperingRow>, StoreFailure> PostgresStore::tampering() {
  if (auto checked = check(); !checked) return Unexpected{checked.error()};
  const auto rows =
      database_.run("SELECT origin, client, what, " VEILWIRE_TIME("first_at") ", " VEILWIRE_TIME(
          "last_at") ", number, times FROM veilwire.tampering ORDER BY id");
  if (!rows) return Unexpected{rows.error()};
  std::vector<TamperingRow> out;
  for (std::size_t i = 0; i < rows->count(); ++i) {
    const auto text = [&](int column) { return std::string(rows->bytes(i, column)); };
    out.push_back({.origin = text(0),
                   .client = text(1),
                   .what = text(2),
                   .first_at = text(3),
                   .last_at = text(4),
                   .record = static_cast<std::uint64_t>(rows->integer(i, 5)),
                   .times = static_cast<std::uint64_t>(rows->integer(i, 6))});
  }
  return out;
}

}  // namespace veilwire::witness
