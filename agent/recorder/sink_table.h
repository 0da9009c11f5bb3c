// How far each sink of veilwire-forwarder has delivered the ledger, what its destination has
// refused for good, and what witnesses have signed: tables of the ledger, changed in its
// transactions. Tested by tests/unit/recorder/sink_table_test.cpp.
#pragma once

#include "agent/host/protocol/delivery.h"
#include "agent/recorder/sqlite.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace veilwire::recorder {

// Something that is to be said of a sink.
struct Delivery {
  std::uint64_t asker = 0;  // whom it is answered to
  std::string sink;
  std::variant<host::protocol::Attach, host::protocol::Confirm, host::protocol::Rewind> what;
};

class SinkTable {
 public:
  // Names that a forwarder can use up: each is a row for good, and a line of the status.
  static constexpr std::size_t kMostSinks = 64;

  explicit SinkTable(Database& database);

  // Where the sinks stand, by name. Throws SqliteError.
  std::map<std::string, std::uint64_t> read();

  // The ledger holds the records from first to last. nullopt: the database refused; its last error
  // says why.
  struct Extent {
    std::uint64_t first = 1, last = 0;
  };
  std::optional<host::protocol::DeliveryAnswer> apply(const Delivery& delivery, Extent records,
                                                      std::int64_t now_wall_ns);

 private:
  struct Apply;
  Database& database_;
  Statement find_, count_, add_, attach_, confirm_, rewind_, bury_, cosign_;
};

}  // namespace veilwire::recorder
