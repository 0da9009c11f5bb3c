// The tables of the witness in PostgreSQL, in a schema of their own, and how they came to be.
// Tested by tests/witness.
#pragma once

#include "agent/witness/postgres.h"

#include <cstdint>
#include <string>
#include <vector>

namespace veilwire::witness {

inline constexpr std::int64_t kStoreVersion = 2;

// The roles that are granted what they need: an instance of the witness, and whoever only reads.
struct StoreRoles {
  std::vector<std::string> writers, readers;
};

// From whatever there is to kStoreVersion. Twice at once is once.
Result<void, StoreFailure> init_store(Postgres& database, const StoreRoles& roles);

// That the tables are those that this program knows.
Result<void, StoreFailure> check_store(Postgres& database);

}  // namespace veilwire::witness
