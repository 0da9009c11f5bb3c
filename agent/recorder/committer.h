// Group commit: one thread owns the ledger; while it waits for the disk, what arrives is collected
// and goes together in the next transaction. So a lone record is on disk after one fsync and a
// flood costs one fsync for hundreds. Tested by tests/unit/recorder/committer_test.cpp.
#pragma once

#include "agent/host/protocol/recorder.h"
#include "agent/host/tally.h"
#include "agent/recorder/ledger.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace veilwire::recorder {

// What the thread has to say to a writer.
struct Notice {
  WriterId writer;
  std::uint64_t committed = 0;
  host::protocol::RecorderStatus status = host::protocol::RecorderStatus::Ok;
};

// What the thread has to say to who has asked something of a sink.
struct DeliveryNotice {
  std::uint64_t asker = 0;
  host::protocol::DeliveryAnswer answer;
};

// For the status socket.
struct Health {
  host::protocol::RecorderStatus status = host::protocol::RecorderStatus::Ok;
  std::string reason;  // why it is not Ok
  std::uint64_t used_bytes = 0, most_bytes = 0, waiting_bytes = 0;
  std::uint64_t records = 0, transactions = 0, failures = 0;  // since the start
  std::uint64_t checkpoints = 0;                              // since the start
  std::uint64_t ledger_records = 0, signed_records = 0;       // at all, and under a checkpoint
  std::uint64_t deleted_records = 0;                          // the first ones
  std::map<std::string, std::uint64_t> sinks;                 // and what they deliver next
  host::HistogramCounts commit_time, batch_records;           // of transactions
};

// When the ledger signs what it holds: after so many records, and after so long even if there were
// none. Silence is signed too, so that a missing tail shows.
struct CheckpointPace {
  std::uint64_t records = 10'000;
  std::chrono::nanoseconds interval = std::chrono::seconds(60);
};

class Committer {
 public:
  // Bytes of records that wait for the disk. Above it enough() is true and the caller stops reading
  // from its clients: their sockets fill, and they wait. Without it a slow disk would let the
  // clients fill our memory.
  static constexpr std::uint64_t kMostWaiting = std::uint64_t{32} << 20;

  // open is called on the committer's thread, at once and after every failure of the ledger; it
  // throws when the ledger cannot be opened. ready is called on that thread whenever take() has
  // something new; it may only wake somebody.
  Committer(std::function<Ledger()> open, std::function<void()> ready, CheckpointPace pace = {});
  // Commits what has been submitted, if the ledger still takes it, signs, then ends the thread.
  ~Committer();

  // Throws what the first open() threw. Call once, before anything is submitted.
  void wait_until_open();

  // From the caller's thread.
  void submit(Arrival arrival);
  void greet(const WriterId& writer);  // answered by a Notice with what is committed
  // See Ledger::close_left; once what has been submitted is committed, and not at the end.
  void close_left(std::set<WriterId> present);
  std::vector<Notice> take();

  // From another thread, that of the sinks: awake is called, on the committer's, whenever
  // take_delivered() or last_record() has something new; nullptr: no longer.
  void on_delivery(std::function<void()> awake);
  // Answered by a DeliveryNotice: once it is on disk, or at once by Unavailable, and then it is
  // forgotten. One at a time for each asker: that is what bounds how much waits.
  void deliver(Delivery delivery);
  std::vector<DeliveryNotice> take_delivered();
  // The last one that is on disk. What a reader sees beyond it may be lost with the power and its
  // number given to another record.
  std::uint64_t last_record() const;
  std::uint64_t first_record() const;  // that is not deleted

  bool enough() const;
  bool busy() const;  // something has been submitted that take() has not answered
  host::protocol::RecorderStatus status() const;
  Health health() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace veilwire::recorder
