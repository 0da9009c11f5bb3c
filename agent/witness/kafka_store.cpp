#include "agent/witness/kafka_store.h"

#include <algorithm>
#include <string>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace veilwire::witness {
namespace {

namespace asio = boost::asio;
using outbound::KafkaMessage;
using outbound::KafkaProducer;

std::vector<KafkaMessage> messages_of(const Addition& addition) {
  const std::string& origin = addition.growth->after.origin;
  std::vector<KafkaMessage> messages;
  messages.reserve(addition.records.size());
  std::uint64_t number = addition.size;
  for (const std::string_view record : addition.records) {
    const std::string text = std::to_string(++number);
    messages.push_back({.uid = origin + '/' + text,
                        .payload = std::string(record),
                        .headers = {{"origin", origin}, {"number", text}}});
  }
  return messages;
}

StoreFailure failure_of(const KafkaMessage& message, const std::string& topic) {
  if (message.state == KafkaMessage::State::Refused) {
    return {"Kafka: record " + message.uid + " is refused by the topic " + topic + ": " +
            message.why + " (its max.message.bytes must be message_bytes at least)"};
  }
  return {"Kafka: record " + message.uid + " does not get to the topic " + topic + ": " +
          message.why};
}

}  // namespace

Result<bool, StoreFailure> KafkaStore::add(const Addition& addition) {
  if (auto produced = produce(addition); !produced) return Unexpected{produced.error()};
  return inner_.add(addition);
}

Result<void, StoreFailure> KafkaStore::produce(const Addition& addition) {
  if (!producer_) {
    auto made = KafkaProducer::make(io_, settings_);
    if (!made) return Unexpected{StoreFailure{"Kafka: " + made.error()}};
    producer_ = *std::move(made);
  }
  std::vector<KafkaMessage> messages = messages_of(addition);
  asio::co_spawn(io_, producer_->produce(addition.growth->after.origin, messages), asio::detached);
  io_.restart();
  io_.run();
  const auto lost = std::find_if(messages.begin(), messages.end(), [](const KafkaMessage& message) {
    return message.state != KafkaMessage::State::Delivered;
  });
  if (lost == messages.end()) return {};
  retired_ = producer_->retire();
  producer_.reset();
  return Unexpected{failure_of(*lost, settings_.topic)};
}

}  // namespace veilwire::witness
