// One sink's connection to the recorder (agent/host/protocol/delivery.h), in an Asio loop: asks one
// thing at a time and gathers the answer. What has gone wrong leaves it closed, and the next
// attach() begins anew. Tested by tests/unit/forwarder/delivery_test.cpp.
#pragma once

#include "agent/host/protocol/delivery.h"
#include "userspace/base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

namespace veilwire::forwarder {

struct LedgerRecord {
  std::uint64_t number = 0;
  std::string canonical;
};
struct LedgerRecords {
  std::vector<LedgerRecord> records;  // in their order
  std::uint64_t next = 1;             // as host::protocol::End
  std::uint64_t last = 0;
};

struct LedgerFailure {
  // What the recorder has answered; nullopt: it cannot be reached, has gone, or makes no sense.
  std::optional<host::protocol::DeliveryError> refused;
  std::string detail;  // a clause for an operator
};

class LedgerClient {
 public:
  template <class T>
  using Answer = boost::asio::awaitable<Result<T, LedgerFailure>>;

  LedgerClient(boost::asio::io_context& io, std::string path);

  Answer<host::protocol::Attached> attach(host::protocol::Attach sink);
  // Waits until there is a record.
  Answer<LedgerRecords> read(std::uint64_t from, std::uint32_t most_bytes);
  Answer<LedgerRecords> read_exchange(host::protocol::ReadExchange what);
  Answer<std::string> ask_log();  // its origin
  // Once it is on disk.
  Answer<host::protocol::Attached> confirm(host::protocol::Confirm done);

 private:
  LedgerFailure lose(std::string why);
  boost::asio::awaitable<std::optional<LedgerFailure>> say(host::protocol::DeliveryRequest request);
  Answer<host::protocol::DeliveryAnswer> hear();
  Answer<host::protocol::Attached> ask_position(host::protocol::DeliveryRequest request);
  Answer<LedgerRecords> ask_records(host::protocol::DeliveryRequest request);

  std::string path_;
  boost::asio::posix::stream_descriptor socket_;
};

}  // namespace veilwire::forwarder
