// The file that holds the evidence, written by one thread. What commit() has returned success for
// is on disk; what it has not is with the writer, who sends it again. There is no third state:
// nothing about writers is kept in memory between commits, so that opening the file again after an
// error is the same as a restart after a crash. Tested by tests/unit/recorder/ledger_test.cpp and,
// with a failing disk, ledger_faults_test.cpp.
#pragma once

#include "agent/host/protocol/recorder.h"
#include "agent/recorder/retention.h"
#include "agent/recorder/sink_table.h"
#include "userspace/base/result.h"
#include "userspace/base/time.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace veilwire::recorder {

using host::protocol::WriterId;

struct LedgerOptions {
  std::string path;
  // Of the database and its write-ahead log. Above max_bytes - reserved_bytes the ledger says Full
  // but goes on: the reserve is for exchanges that have begun, their gaps and their ends.
  std::uint64_t max_bytes = std::uint64_t{8} << 30;
  // Also set aside on the disk, in a file of its own that is given up when the disk is full.
  std::uint64_t reserved_bytes = std::uint64_t{64} << 20;
  std::string host;  // machine id and boot id, for the recorder's own records
  std::string boot;
  std::function<Now()> now;
  std::function<WriterId()> new_writer_id;
  std::string checkpoint_key;  // the file, made if there is none; "": nothing is ever signed
  // Pages in the write-ahead log at which it is moved into the database, in the same thread.
  int checkpoint_pages = 1000;
  RetentionPolicy retention;
  std::string vfs;  // for tests that make the disk fail
};

struct Arrival {
  WriterId writer;
  std::uint64_t seq = 0;
  std::string bytes;  // canonical
};

enum class LedgerError : std::uint8_t {
  Full,    // the cap, or the disk: the same batch can succeed later
  Broken,  // reading or writing failed: open the ledger again before anything else
};

class Ledger {
 public:
  // Creates or upgrades the file. Everything that an earlier process left in the write-ahead log is
  // on disk when this returns: a process that died between write and fsync, or whose fsync failed,
  // leaves records that can be read and yet be lost; those must not be acknowledged as duplicates
  // before they are safe. Throws SqliteError.
  explicit Ledger(LedgerOptions options);
  Ledger(Ledger&&) noexcept;
  ~Ledger();

  // One transaction. A record whose writer has one of the same or a higher seq already is a
  // duplicate and is dropped; a hole in a writer's numbers becomes a gap record of the recorder, as
  // does a record that cannot be parsed (it is stored as it is).
  Result<void, LedgerError> commit(std::span<const Arrival> batch);

  // Each session and exchange that is open though its writer is none of these gets a gap record of
  // the recorder and is closed in the index: nobody else is left to say how it ended. A writer that
  // comes back all the same goes on, and its own end replaces this one in the index.
  Result<void, LedgerError> close_left(const std::set<WriterId>& present);

  // Adds a checkpoint: all records before it, signed. Before the first one by a key, a record that
  // says so; a key that has been put beside the current one takes its place. A key that cannot be
  // read is Broken, after which opening the ledger says why. Does nothing without checkpoint_key.
  Result<void, LedgerError> sign();

  // Says what sinks ask for, in one transaction, and gives the answers, an Attached or a Refused
  // each. It may also go beyond max_bytes, by little: a position that moves on takes the place of
  // the one before, and it is delivering that lets a full ledger be emptied.
  Result<std::vector<host::protocol::DeliveryAnswer>, LedgerError> deliver(
      std::span<const Delivery> deliveries);
  // Where the sinks stand, by name.
  const std::map<std::string, std::uint64_t>& sinks() const;

  // Adds the record that says what goes next, if anything may, and then deletes it in portions that
  // take about so long. true: there is something left to be swept. Both may go beyond max_bytes, as
  // deliver(): they make room.
  Result<bool, LedgerError> retire();
  Result<bool, LedgerError> sweep(std::chrono::nanoseconds budget);

  std::uint64_t records() const;  // that the ledger has ever had
  std::uint64_t first() const;    // that is not deleted; a few before it may be kept

  // Highest seq that is on disk; 0 for a writer that is not known.
  Result<std::uint64_t, LedgerError> committed(const WriterId& writer);

  // Whether the reserve is intact and not yet needed. Tries to restore it.
  bool has_space();
  // Whether the reserve is used up as well, as far as the cap goes: no commit succeeds.
  bool used_up();

  // Database and write-ahead log, and how much they may become.
  std::uint64_t used_bytes();
  std::uint64_t most_bytes() const;

  // What the last failure was, for the log.
  std::string last_error() const;

 private:
  class Transaction;
  struct State;
  using Change = std::function<bool(Transaction&)>;
  enum class Cap : std::uint8_t { Holds, Passed };
  Result<void, LedgerError> in_transaction(const Change& change, Cap cap = Cap::Holds);
  Result<void, LedgerError> try_once(const Change& change, Cap cap);

  std::unique_ptr<State> state_;
};

}  // namespace veilwire::recorder
