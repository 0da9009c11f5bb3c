// The store of a witness in PostgreSQL: a connection, of which each thread has one of its own.
// Tested by tests/witness, with a real server that dies.
#pragma once

#include "agent/witness/postgres.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::witness {

// A log as an operator sees it. Times are RFC 3339, in UTC.
struct LogRow {
  std::string origin, client, key;
  bool trusted = false;
  std::uint64_t size = 0, checkpoint_size = 0;
  std::string signed_at, cosigned_at, received_at;  // "": never
  std::int64_t silent_seconds = 0;                  // see PostgresStore::logs()
  std::uint64_t tampering = 0;                      // contradictions that are kept
};

struct TamperingRow {
  std::string origin, client, what, first_at, last_at;
  std::uint64_t record = 0, times = 0;
};

class PostgresStore : public Store {
 public:
  // keeps_bytes: of records. false: they are elsewhere, and of what is added `canonical` stays
  // empty.
  explicit PostgresStore(std::string conninfo, bool keeps_bytes = true)
      : database_(std::move(conninfo), {}), keeps_bytes_(keeps_bytes) {}

  Result<std::optional<KeptLog>, StoreFailure> find(std::string_view origin) override;
  Result<std::vector<proof::Hash>, StoreFailure> leaves(std::string_view origin,
                                                        std::uint64_t first,
                                                        std::uint64_t count) override;
  Result<bool, StoreFailure> add(const Addition& addition) override;
  Result<void, StoreFailure> note(const Tampering& tampering) override;

  // It answers, and its tables are those of this program.
  Result<void, StoreFailure> check();

  // By origin. How long a log has been silent is by the server's clock, since its last checkpoint
  // was signed or cosigned, whichever is longer ago: a host that says an old one again is as silent
  // as one that says a wrong time. Without any, since it began.
  Result<std::vector<LogRow>, StoreFailure> logs();
  // The records of a log in their order, until on_record gives false.
  Result<void, StoreFailure> records(
      std::string_view origin,
      const std::function<bool(std::uint64_t number, std::string_view canonical)>& on_record);
  // Of a log, by size.
  Result<void, StoreFailure> checkpoints(
      std::string_view origin,
      const std::function<void(const std::string& note, const std::string& cosignature)>& on_each);
  Result<std::vector<TamperingRow>, StoreFailure> tampering();

 private:
  Result<bool, StoreFailure> begin_and_add(const Addition& addition);
  Result<std::optional<std::int64_t>, StoreFailure> move_end(const Addition& addition);

  Postgres database_;
  bool keeps_bytes_;
  bool checked_ = false;
};

}  // namespace veilwire::witness
