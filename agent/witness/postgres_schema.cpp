#include "agent/witness/postgres_schema.h"

#include <array>

namespace veilwire::witness {
namespace {

// Element n leads from version n to n + 1. What stands here has run somewhere: add, never change.
constexpr std::array<const char*, kStoreVersion> kMigrations = {
    // 1
    R"sql(
-- Where each log stands: what the next records are checked against.
CREATE TABLE veilwire.logs(
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  origin text NOT NULL UNIQUE,
  client text NOT NULL,             -- whose certificate its first records came with
  size bigint NOT NULL,             -- records
  frontier bytea NOT NULL,          -- hashes of its full subtrees (RFC 6962), the largest first
  key text NOT NULL,                -- that checkpoints are signed by now
  trusted boolean NOT NULL,         -- an operator has named it, or one that it follows from
  checkpoint_size bigint,           -- of the last checkpoint that holds
  checkpoint text,                  -- as the host has signed it
  cosignature text,                 -- by the witness: a line of C2SP tlog-cosignature v1
  signed_at timestamptz,            -- when the checkpoint says it was signed
  cosigned_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  received_at timestamptz NOT NULL DEFAULT now());

-- All records, in the order of their logs. No foreign key: they are written in the transaction that
-- moves the end of their log.
CREATE TABLE veilwire.records(
  log bigint NOT NULL,
  number bigint NOT NULL,           -- in its log, from 1
  at timestamptz NOT NULL,          -- as the host says
  kind text NOT NULL,
  host text NOT NULL,
  session text NOT NULL,
  exchange bigint NOT NULL,
  issuer text, subject text, person text,  -- of records that say whom a request came from
  leaf_hash bytea NOT NULL,
  canonical bytea NOT NULL,         -- RFC 8785: what is hashed
  PRIMARY KEY(log, number));
CREATE INDEX records_by_time ON veilwire.records(at);
CREATE INDEX records_by_host ON veilwire.records(host, at);
CREATE INDEX records_by_exchange ON veilwire.records(log, session, exchange, number);
CREATE INDEX records_by_person ON veilwire.records(subject, at) WHERE subject IS NOT NULL;
CREATE INDEX records_by_name ON veilwire.records(person, at) WHERE person IS NOT NULL;
CREATE INDEX records_by_kind ON veilwire.records(kind, at)
  WHERE kind NOT IN ('request.body', 'response.fragment');

-- Every checkpoint that was cosigned.
CREATE TABLE veilwire.checkpoints(
  log bigint NOT NULL REFERENCES veilwire.logs(id),
  size bigint NOT NULL,
  note text NOT NULL,               -- with the host's signature
  cosignature text NOT NULL,
  signed_at timestamptz,
  cosigned_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY(log, size));

-- What contradicts what is held. Nothing deletes from here.
CREATE TABLE veilwire.tampering(
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  origin text NOT NULL,
  client text NOT NULL,
  number bigint NOT NULL,
  what text NOT NULL,
  given_hash bytea NOT NULL,        -- the record's
  given bytea NOT NULL,
  held_hash bytea,                  -- of the record that is held under this number, if one is
  first_at timestamptz NOT NULL DEFAULT now(),
  last_at timestamptz NOT NULL DEFAULT now(),
  times bigint NOT NULL DEFAULT 1,
  UNIQUE(origin, number, given_hash, client));

-- A record as jsonb, for views and questions. NUL, which jsonb cannot hold, becomes U+FFFD; what is
-- no record becomes NULL.
CREATE FUNCTION veilwire.record_json(canonical bytea) RETURNS jsonb
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE AS $$
BEGIN
  RETURN replace(convert_from(canonical, 'UTF8'), '\u0000', '\ufffd')::jsonb;
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END $$;
)sql",
    // 2: it catches what goes wrong, and before PostgreSQL 17 nothing that does may run in
    // parallel.
    "ALTER FUNCTION veilwire.record_json(bytea) PARALLEL UNSAFE;",
};

constexpr const char* kVersion =
    "SELECT coalesce(max(version), 0)::bigint FROM veilwire.migrations";

std::string quoted(const std::string& name) {
  std::string out = "\"";
  for (const char c : name) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

std::string grants(const StoreRoles& roles) {
  std::string out;
  for (const std::string& role : roles.writers) {
    const std::string to = " TO " + quoted(role) + ";";
    out += "GRANT USAGE ON SCHEMA veilwire" + to +
           "GRANT SELECT, INSERT ON veilwire.logs, veilwire.records, veilwire.checkpoints,"
           " veilwire.tampering" +
           to +
           // Records and checkpoints are only added.
           "GRANT UPDATE ON veilwire.logs, veilwire.tampering" + to +
           "GRANT SELECT ON veilwire.migrations" + to;
  }
  for (const std::string& role : roles.readers) {
    const std::string to = " TO " + quoted(role) + ";";
    out += "GRANT USAGE ON SCHEMA veilwire" + to + "GRANT SELECT ON ALL TABLES IN SCHEMA veilwire" +
           to;
  }
  return out;
}

StoreFailure wrong_version(std::int64_t found) {
  return {"the store has format " + std::to_string(found) + ", this program knows " +
          std::to_string(kStoreVersion) +
          (found < kStoreVersion ? ": run veilwire-witness init-store"
                                 : ": install the newer program")};
}

// In a transaction, which whoever calls ends.
Result<void, StoreFailure> migrate(Postgres& database, const StoreRoles& roles) {
  // A number of our own: only one of us at a time.
  auto ready = database.script(
      "BEGIN; SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0;"
      "SELECT pg_advisory_xact_lock(8390437592115);"
      "CREATE SCHEMA IF NOT EXISTS veilwire;"
      "CREATE TABLE IF NOT EXISTS veilwire.migrations("
      "  version bigint PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());");
  if (!ready) return ready;
  const auto found = database.run(kVersion);
  if (!found) return Unexpected{found.error()};
  const std::int64_t version = found->integer(0, 0);
  if (version > kStoreVersion) return Unexpected{wrong_version(version)};
  for (std::int64_t next = version; next < kStoreVersion; ++next) {
    auto done = database.script(kMigrations[static_cast<std::size_t>(next)] +
                                std::string("INSERT INTO veilwire.migrations VALUES(") +
                                std::to_string(next + 1) + ");");
    if (!done) return done;
  }
  return database.script(grants(roles) + "COMMIT");
}

}  // namespace

Result<void, StoreFailure> init_store(Postgres& database, const StoreRoles& roles) {
  auto done = migrate(database, roles);
  if (!done) database.abandon();
  return done;
}

Result<void, StoreFailure> check_store(Postgres& database) {
  const auto found = database.run(kVersion);
  if (!found) {
    return Unexpected{
        StoreFailure{found.error().what + " (has veilwire-witness init-store been run?)"}};
  }
  const std::int64_t version = found->integer(0, 0);
  if (version != kStoreVersion) return Unexpected{wrong_version(version)};
  return {};
}

}  // namespace veilwire::witness
