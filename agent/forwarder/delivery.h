// Carries the ledger to one sink, from where the sink stands to the end and on: reads, has it sent,
// and confirms what is dealt with, in the order of the ledger. What has not been confirmed is sent
// again, under the same keys; nothing is passed over but what the destination has refused for good,
// which the recorder then holds as a dead letter.
//
// A sink that is told of exchanges gets each when it has ended, and the records of sessions and of
// the agent itself (exchange 0) as they come. Lives on one thread. Tested by
// tests/unit/forwarder/delivery_test.cpp.
#pragma once

#include "agent/forwarder/backoff.h"
#include "agent/forwarder/ledger_client.h"
#include "agent/forwarder/sink.h"
#include "agent/host/limited_log.h"
#include "userspace/base/time.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace veilwire::forwarder {

enum class Tell : std::uint8_t { Records, Exchanges };

struct DeliverySettings {
  std::string name;         // as host::protocol::is_sink_name
  std::string destination;  // for people
  Tell tell = Tell::Records;
  std::uint32_t batch_bytes = 1024 * 1024;  // read from the ledger at once
  Backoff::Settings backoff;
};

// For the status socket.
struct DeliveryState {
  std::uint64_t next = 0;  // the first record that is not confirmed; 0: not known yet
  std::uint64_t last = 0;  // of the ledger, as far as it is known
  std::uint64_t sent = 0, refused = 0, attempts_failed = 0;  // since the start
  WallTime oldest;      // of the first record that is not confirmed; 0: there is none, or not known
  std::string problem;  // why nothing goes at the moment; "": it does, or there is nothing to send
};

class Delivery {
 public:
  Delivery(boost::asio::io_context& io, DeliverySettings settings, std::string recorder_socket,
           std::unique_ptr<Sink> sink, Random random);

  // Until the loop is stopped. Destroyed by then; the loop must have ended.
  boost::asio::awaitable<void> run();

  const DeliverySettings& settings() const { return settings_; }
  const DeliveryState& state() const { return state_; }

 private:
  // What has been told, and how far the ledger has been read for it.
  struct Batch {
    std::vector<Told> told;
    std::uint64_t next = 1;
  };
  using Failed = boost::asio::awaitable<std::optional<LedgerFailure>>;

  boost::asio::awaitable<LedgerFailure> deliver();
  Failed gather(std::vector<LedgerRecord> records, Batch& batch);
  Failed gather_exchange(Told& told);
  Failed send(const Batch& batch);
  Failed confirm(std::uint64_t next, std::span<const Refusal> refused,
                 const std::optional<Sent::Cosignature>& cosigned);
  Failed go_to(std::uint64_t next);
  Failed confirm(host::protocol::Confirm done);
  Failed skip_deleted();
  boost::asio::awaitable<void> pause(std::chrono::milliseconds time);
  void complain(const std::string& problem);
  void go_on();

  DeliverySettings settings_;
  LedgerClient ledger_;
  std::unique_ptr<Sink> sink_;
  Backoff backoff_;
  boost::asio::steady_timer timer_;
  DeliveryState state_;
  host::LimitedLog log_;
};

}  // namespace veilwire::forwarder
