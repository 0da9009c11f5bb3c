#include "agent/recorder/schema.h"

#include <array>
#include <string>

namespace veilwire::recorder {
namespace {

// Element n leads from version n to n + 1. What stands here has run somewhere: add, never change.
constexpr std::array<const char*, kSchemaVersion> kMigrations = {
    // 1
    R"sql(
CREATE TABLE migrations(version INTEGER PRIMARY KEY, applied_wall_ns INTEGER NOT NULL);

-- Who numbers records. The recorder itself is one: what it notices is a record, too.
CREATE TABLE writers(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,        -- 32 hex digits
  last_seq INTEGER NOT NULL,
  own INTEGER NOT NULL DEFAULT 0);  -- 1: the recorder

-- Texts that occur in several records: a client sends its whole conversation with every turn.
CREATE TABLE contents(
  id INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,      -- SHA-256 of text
  text BLOB NOT NULL);

-- bytes: the canonical record. With content set, its text is taken out at content_at.
CREATE TABLE records(
  id INTEGER PRIMARY KEY,           -- order of arrival
  writer INTEGER NOT NULL REFERENCES writers(id),
  seq INTEGER NOT NULL,
  session TEXT NOT NULL,
  exchange INTEGER NOT NULL,
  kind TEXT NOT NULL,
  wall_ns INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  content INTEGER REFERENCES contents(id),
  content_at INTEGER,
  UNIQUE(writer, seq));
CREATE INDEX records_by_exchange ON records(session, exchange, id);

CREATE TRIGGER records_keep BEFORE UPDATE ON records
  BEGIN SELECT RAISE(ABORT, 'records are only added'); END;
CREATE TRIGGER records_stay BEFORE DELETE ON records
  BEGIN SELECT RAISE(ABORT, 'records are only added'); END;
CREATE TRIGGER contents_keep BEFORE UPDATE ON contents
  BEGIN SELECT RAISE(ABORT, 'contents are only added'); END;
CREATE TRIGGER contents_stay BEFORE DELETE ON contents
  BEGIN SELECT RAISE(ABORT, 'contents are only added'); END;

-- What `veilwire audit list` shows; derived from records and could be made again from them.
-- Exchange 0 is the session itself.
CREATE TABLE exchanges(
  session TEXT NOT NULL,
  exchange INTEGER NOT NULL,
  started_ns INTEGER NOT NULL,
  ended_ns INTEGER,
  issuer TEXT, subject TEXT, person TEXT, uid INTEGER,
  server TEXT, handling TEXT, service TEXT,
  method TEXT, target TEXT, model TEXT, mcp_method TEXT, tool TEXT,
  status INTEGER, outcome TEXT,
  blocked INTEGER NOT NULL DEFAULT 0,
  gaps INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY(session, exchange)) WITHOUT ROWID;
CREATE INDEX exchanges_by_time ON exchanges(started_ns);

CREATE TABLE findings(
  session TEXT NOT NULL,
  exchange INTEGER NOT NULL,
  category TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY(session, exchange, category)) WITHOUT ROWID;
)sql",
    // 2: what a writer that has gone may have left open, found without reading what is closed.
    R"sql(
CREATE INDEX exchanges_open ON exchanges(session, exchange) WHERE ended_ns IS NULL;
)sql",
    // 3: how a person was known when they asked; all NULL in exchanges from before.
    R"sql(
ALTER TABLE exchanges ADD COLUMN running_as TEXT;
ALTER TABLE exchanges ADD COLUMN class TEXT;
ALTER TABLE exchanges ADD COLUMN known_by TEXT;      -- local, pkce, ...
ALTER TABLE exchanges ADD COLUMN standing TEXT;      -- fresh, cached
ALTER TABLE exchanges ADD COLUMN known_age_ms INTEGER;
)sql",
    // 4: the proof. The tree of records from before is made when the recorder opens the ledger.
    R"sql(
CREATE TABLE log(origin TEXT NOT NULL);  -- one row

-- Hashes of the full subtrees (RFC 6962): 2^level records from the record place * 2^level + 1 on.
CREATE TABLE tree(
  level INTEGER NOT NULL,
  place INTEGER NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY(level, place)) WITHOUT ROWID;
CREATE TRIGGER tree_keep BEFORE UPDATE ON tree
  BEGIN SELECT RAISE(ABORT, 'hashes are only added'); END;
CREATE TRIGGER tree_stay BEFORE DELETE ON tree
  BEGIN SELECT RAISE(ABORT, 'hashes are only added'); END;

CREATE INDEX records_of_proof ON records(kind, id) WHERE kind IN ('checkpoint', 'checkpoint.key');
)sql",
    // 5
    R"sql(
ALTER TABLE contents ADD COLUMN packed INTEGER NOT NULL DEFAULT 0;  -- 1: text is zstd (RFC 8878)
)sql",
    // 6: the text that is taken out of a record at content_at is several contents, one behind the
    // other, where records.content is NULL.
    R"sql(
CREATE TABLE pieces(
  record INTEGER NOT NULL REFERENCES records(id),
  place INTEGER NOT NULL,
  content INTEGER NOT NULL REFERENCES contents(id),
  PRIMARY KEY(record, place)) WITHOUT ROWID;
CREATE TRIGGER pieces_keep BEFORE UPDATE ON pieces
  BEGIN SELECT RAISE(ABORT, 'contents are only added'); END;
CREATE TRIGGER pieces_stay BEFORE DELETE ON pieces
  BEGIN SELECT RAISE(ABORT, 'contents are only added'); END;
)sql",
    // 7: all that lists are filtered by. The tables exchanges and findings stay, and are what is
    // read, until the recorder has filled these from the records; see fill_index().
    R"sql(
-- What `veilwire audit list` shows, a line of it each. Exchange 0 is the session itself.
CREATE TABLE entries(
  id INTEGER PRIMARY KEY,
  session TEXT NOT NULL,
  exchange INTEGER NOT NULL,
  started_ns INTEGER NOT NULL,      -- never changed
  ended_ns INTEGER,
  issuer TEXT, subject TEXT, person TEXT, running_as TEXT, class TEXT,
  known_by TEXT, standing TEXT, known_age_ms INTEGER, uid INTEGER,
  server TEXT, handling TEXT, service TEXT,
  method TEXT, target TEXT, model TEXT, mcp_method TEXT, tool TEXT,
  status INTEGER, outcome TEXT,
  decisions INTEGER NOT NULL DEFAULT 0,
  blocked INTEGER NOT NULL DEFAULT 0,
  gaps INTEGER NOT NULL DEFAULT 0,
  UNIQUE(session, exchange));
CREATE INDEX entries_by_time ON entries(started_ns);
CREATE INDEX entries_open ON entries(session, exchange) WHERE ended_ns IS NULL;

-- What an entry can be found by, whatever it is: kind is a TermKind.
CREATE TABLE terms(
  id INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  text TEXT NOT NULL,
  UNIQUE(kind, text));
-- Of each term the entries that have it, in the order of the list.
CREATE TABLE entry_terms(
  term INTEGER NOT NULL,
  started_ns INTEGER NOT NULL,
  entry INTEGER NOT NULL,
  PRIMARY KEY(term, started_ns, entry)) WITHOUT ROWID;

-- rule and category are terms.
CREATE TABLE entry_findings(
  entry INTEGER NOT NULL,
  rule INTEGER NOT NULL,
  category INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY(entry, rule, category)) WITHOUT ROWID;

-- One row: the last record that is in them. There is no such table once all are.
CREATE TABLE indexing(record INTEGER NOT NULL);
INSERT INTO indexing VALUES(0);
)sql",
    // 8: who has been given the records.
    R"sql(
CREATE TABLE sinks(
  name TEXT PRIMARY KEY,
  destination TEXT NOT NULL,
  next INTEGER NOT NULL,                 -- the first record that it has not delivered
  delivered INTEGER NOT NULL DEFAULT 0,  -- records; those that were driven again count again
  attached_wall_ns INTEGER NOT NULL,     -- the last time
  confirmed_wall_ns INTEGER) WITHOUT ROWID;

-- What a destination has refused for good.
CREATE TABLE dead_letters(
  sink TEXT NOT NULL,
  record INTEGER NOT NULL,
  reason TEXT NOT NULL,
  wall_ns INTEGER NOT NULL,
  PRIMARY KEY(sink, record)) WITHOUT ROWID;
CREATE TRIGGER dead_letters_keep BEFORE UPDATE ON dead_letters
  BEGIN SELECT RAISE(ABORT, 'dead letters are only added'); END;
CREATE TRIGGER dead_letters_stay BEFORE DELETE ON dead_letters
  BEGIN SELECT RAISE(ABORT, 'dead letters are only added'); END;

-- What witnesses have signed: lines of a signed note over the first size records.
CREATE TABLE cosignatures(
  size INTEGER NOT NULL,
  line TEXT NOT NULL,
  wall_ns INTEGER NOT NULL,
  PRIMARY KEY(size, line)) WITHOUT ROWID;
CREATE TRIGGER cosignatures_keep BEFORE UPDATE ON cosignatures
  BEGIN SELECT RAISE(ABORT, 'cosignatures are only added'); END;
CREATE TRIGGER cosignatures_stay BEFORE DELETE ON cosignatures
  BEGIN SELECT RAISE(ABORT, 'cosignatures are only added'); END;
)sql",
    // 9: what is no longer kept; see retention.h.
    R"sql(
-- One row: up to which record the recorder has said that it deletes, and has deleted.
CREATE TABLE retention(through INTEGER NOT NULL, swept INTEGER NOT NULL);
INSERT INTO retention VALUES(0, 0);
CREATE TRIGGER retention_once BEFORE INSERT ON retention
  BEGIN SELECT RAISE(ABORT, 'there is one bound'); END;
CREATE TRIGGER retention_stays BEFORE DELETE ON retention
  BEGIN SELECT RAISE(ABORT, 'there is one bound'); END;
CREATE TRIGGER retention_grows BEFORE UPDATE ON retention
  WHEN NEW.through < OLD.through OR NEW.swept < OLD.swept OR NEW.swept > NEW.through
  BEGIN SELECT RAISE(ABORT, 'the bound only grows'); END;

CREATE INDEX dead_letters_by_record ON dead_letters(record);
DROP TRIGGER IF EXISTS records_stay;
CREATE TRIGGER records_stay BEFORE DELETE ON records
  WHEN OLD.id > ifnull((SELECT max(through) FROM retention), 0) OR OLD.kind = 'checkpoint.key'
    OR EXISTS(SELECT 1 FROM dead_letters WHERE record = OLD.id)
  BEGIN SELECT RAISE(ABORT, 'the record is kept'); END;
DROP TRIGGER IF EXISTS pieces_stay;
CREATE TRIGGER pieces_stay BEFORE DELETE ON pieces
  WHEN OLD.record > ifnull((SELECT max(through) FROM retention), 0)
    OR EXISTS(SELECT 1 FROM records WHERE id = OLD.record)
  BEGIN SELECT RAISE(ABORT, 'the record is kept'); END;
DROP TRIGGER IF EXISTS contents_stay;
CREATE TRIGGER contents_stay BEFORE DELETE ON contents
  WHEN ifnull((SELECT max(through) FROM retention), 0) = 0
    OR EXISTS(SELECT 1 FROM pieces WHERE content = OLD.id)
    OR EXISTS(SELECT 1 FROM records WHERE content = OLD.id)
  BEGIN SELECT RAISE(ABORT, 'a record has this content'); END;
DROP TRIGGER IF EXISTS tree_stay;
CREATE TRIGGER tree_stay BEFORE DELETE ON tree
  WHEN (OLD.place + 1) << OLD.level > ifnull((SELECT max(through) FROM retention), 0)
  BEGIN SELECT RAISE(ABORT, 'proofs need the hash'); END;

ALTER TABLE entries ADD COLUMN cut INTEGER NOT NULL DEFAULT 0;  -- 1: its first records are gone
)sql",
};

}  // namespace

std::int64_t schema_version(Database& database) {
  if (database.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'migrations'") == 0)
    return 0;
  return database.integer("SELECT ifnull(max(version), 0) FROM migrations");
}

void migrate(Database& database, std::int64_t now_wall_ns) {
  database.execute("BEGIN IMMEDIATE");
  const std::int64_t found = schema_version(database);
  if (found > kSchemaVersion) {
    throw SqliteError(0, "the ledger has format " + std::to_string(found) +
                             ", this program knows up to " + std::to_string(kSchemaVersion) +
                             ": install the newer program again");
  }
  if (found == 0 && database.integer("SELECT count(*) FROM sqlite_schema") != 0)
    throw SqliteError(0, "the database exists and is no ledger");
  for (std::int64_t version = found; version < kSchemaVersion; ++version) {
    database.execute(kMigrations[static_cast<std::size_t>(version)]);
    if (!Statement(database, "INSERT INTO migrations VALUES(?, ?)").run(version + 1, now_wall_ns))
      throw SqliteError(database.last_code(), database.last_error());
  }
  database.execute("COMMIT");
}

}  // namespace veilwire::recorder
