// librdkafka's producer as a coroutine: messages go in, and each comes back with what has become of
// it. Its threads do the work; the loop hears of them through an eventfd and never waits for them.
// Tested by tests/unit/forwarder/kafka_sink_test.cpp against librdkafka's mock cluster.
#pragma once

#include "agent/outbound/kafka_settings.h"
#include "userspace/base/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace veilwire::outbound {

struct KafkaMessage {
  std::string uid;  // the header "uid"
  std::string payload;
  std::vector<std::pair<const char*, std::string>> headers = {};  // others, by name

  enum class State : std::uint8_t {
    Waiting,
    Delivered,  // all replicas in sync have it
    Refused,    // as it stands, or what it was sent together with
    Failed,     // now; or nobody knows
  };
  State state = State::Waiting;
  std::string why = {};
};

class KafkaProducer {
 public:
  // The error is for an operator.
  static Result<std::unique_ptr<KafkaProducer>, std::string> make(boost::asio::io_context& io,
                                                                  const KafkaSettings& settings);
  ~KafkaProducer();
  KafkaProducer(const KafkaProducer&) = delete;
  KafkaProducer& operator=(const KafkaProducer&) = delete;

  // key: of every message, so that all stay in their order. Returns when none of them is waiting. A
  // producer that has had a message fail is to be given up: it may be beyond repair, or its
  // certificates may have been renewed since.
  boost::asio::awaitable<void> produce(std::string_view key, std::span<KafkaMessage> messages);
  // Gives it up without waiting for its threads, which the returned one does. Nothing more may be
  // asked of it.
  std::jthread retire();

 private:
  struct State;
  explicit KafkaProducer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace veilwire::outbound
