// Where evidence goes: one destination, which is told things in the order of the ledger and says
// how far it has got. What reads the ledger, waits, tries again and keeps the position is
// delivery.h; a sink knows only its own wire. Each sink has a test of its own, with a real receiver
// where there is one.
#pragma once

#include "userspace/audit/parse.h"
#include "userspace/projection/exchange.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace veilwire::forwarder {

// A record, or a whole exchange where the sink is told of exchanges.
struct Told {
  std::uint64_t record = 0;             // in the ledger; of an exchange the last one
  std::string canonical;                // of that record
  std::optional<audit::Parsed> parsed;  // nullopt: it is none that this program can read
  std::optional<projection::Exchange> exchange;
  // Whether there is anything that could be projected.
  bool is_readable() const { return exchange || parsed; }
};

// Refused by the destination for good, as it stands: the next ones can still go.
struct Refusal {
  std::uint64_t record = 0;
  std::string reason;  // printable ASCII, at most host::protocol::kDeadReason bytes, no content
};
// What every sink that projects says of what is not readable.
inline Refusal refuse_unreadable(const Told& told) {
  return {told.record, "not a record that this version can read"};
}

struct Sent {
  // How many of what was given are dealt with, from the first on: the destination has said that it
  // holds them, or they stand in `refused`, or the sink's level has nothing to say of them.
  std::size_t done = 0;
  std::vector<Refusal> refused;
  // A witness's signature line, and under how many records.
  struct Cosignature {
    std::uint64_t size = 0;
    std::string line;
  };
  std::optional<Cosignature> cosigned;

  // Why not all of it is done; empty: all of it is. What is left is sent again, later.
  std::string problem;  // for an operator: printable, and never what a record says
  // The destination has said how long to leave it alone.
  std::optional<std::chrono::seconds> retry_after;
};

class Sink {
 public:
  virtual ~Sink() = default;
  // Whether it has to know of which log the records are; it is then told before it is sent any.
  virtual bool asks_for_log() const { return false; }
  virtual void records_are_of(std::string origin) { (void)origin; }
  // Not called again before it has returned. Must come to an end by itself: a destination that does
  // not answer is a problem after the sink's own patience.
  virtual boost::asio::awaitable<Sent> send(std::span<const Told> told) = 0;
};

}  // namespace veilwire::forwarder
