// All sinks of a host in one event loop, and what the status socket says of them. One thread,
// besides those that a sink's own library needs. Tested by tests/e2e/delivery_test.py.
#pragma once

#include "agent/forwarder/delivery.h"
#include "agent/forwarder/sink.h"
#include "agent/host/protocol/status.h"
#include "userspace/base/time.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

namespace veilwire::forwarder {

struct ConfiguredSink {
  DeliverySettings delivery;
  std::function<std::unique_ptr<Sink>(boost::asio::io_context&)> make;  // throws what is unusable
};

struct ForwarderOptions {
  std::string recorder_socket;
  std::unique_ptr<host::protocol::StatusSocket> status;  // nullptr: no status is given
  std::vector<ConfiguredSink> sinks;
};

class Forwarder {
 public:
  // Makes the sinks; throws what they throw.
  Forwarder(ForwarderOptions options, const Random& random);
  ~Forwarder();
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

  // Until `stop` is readable. What is under way then is sent again by the next one.
  void run(int stop);

  // {"program":"veilwire-forwarder","healthy":..,"sinks":[{"name":..,"destination":..,"tells":..,
  // "next":..,"last":..,"sent":..,"refused":..,"attempts_failed":..,"oldest_seconds":..,
  // "problem":..}]}
  std::string document() const;

 private:
  void answer_status();
  static std::uint64_t seconds_since(WallTime then);

  ForwarderOptions options_;
  boost::asio::io_context io_{1};
  std::vector<std::unique_ptr<Delivery>> deliveries_;
  std::unique_ptr<boost::asio::posix::stream_descriptor> status_;
};

}  // namespace veilwire::forwarder
