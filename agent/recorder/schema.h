// The tables of the ledger and the way from each older version to this one. Records and contents
// are only ever added, and deleted only up to what a record has said before (retention.h): triggers
// refuse anything else, as a guard against accidents of ours (root can drop a trigger; against root
// there are checkpoints with a witness). Tested by
// tests/unit/recorder/ledger_test.cpp.
#pragma once

#include "agent/recorder/sqlite.h"

#include <cstdint>

namespace veilwire::recorder {

inline constexpr std::int64_t kSchemaVersion = 9;

// Brings the database to kSchemaVersion. Throws for one that a newer program has written.
void migrate(Database& database, std::int64_t now_wall_ns);

// Of an existing ledger, without changing it; 0 for a database that is none.
std::int64_t schema_version(Database& database);

}  // namespace veilwire::recorder
