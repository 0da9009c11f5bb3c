// What veilwire-witness does besides serving: its key, its store, and what an operator asks of it.
// Each prints, and gives main's exit code. Throw std::runtime_error. Tested by tests/witness.
#pragma once

#include "agent/witness/postgres_schema.h"
#include "agent/witness/settings.h"
#include "userspace/proof/signed_note.h"

#include <cstdint>
#include <ostream>
#include <string>

namespace veilwire::witness {

inline constexpr int kFound = 4;  // what was asked about is there: silence, tampering

proof::NoteSigner read_signer(const Settings& settings);

// owner: of the file; "": who runs this.
int make_key(const Settings& settings, const std::string& owner, std::ostream& out);
int show_key(const Settings& settings, std::ostream& out);

// database: "": that of the settings.
int init_store(const Settings& settings, const std::string& database, const StoreRoles& roles,
               std::ostream& out);

int list_logs(const Settings& settings, bool json, std::ostream& out);
// kFound: there are such logs.
int list_silent(const Settings& settings, const std::string& older_than, bool json,
                std::ostream& out);
// kFound: there is some.
int list_tampering(const Settings& settings, bool json, std::ostream& out);
// Reads all records of a log again. kFound: something does not hold. Throws where their bytes are
// in Kafka alone.
int verify_log(const Settings& settings, const std::string& origin, bool json, std::ostream& out);

// "90s", "5m", "12h", "7d" in seconds. Throws for anything else.
std::int64_t read_age(const std::string& text);

}  // namespace veilwire::witness
