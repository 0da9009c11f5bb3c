// Records to a topic of Kafka, through librdkafka. The host's id is the key of every message, so
// that a host's records stay in their order in one partition; the header "uid" is what makes a
// duplicate known. A message is done when all replicas in sync have it (acks=all).
//
// The producer is idempotent, so that what it sends again by itself is there once; its queue is
// memory, and what it gives up is sent again from the ledger. A broker refuses batches, not
// messages: what was refused goes again alone, then as metadata, and only then is it a dead letter.
// Tested by tests/unit/forwarder/kafka_sink_test.cpp against librdkafka's mock cluster.
#pragma once

#include "agent/forwarder/kafka_sink_settings.h"
#include "agent/forwarder/sink.h"
#include "agent/outbound/kafka_producer.h"
#include "userspace/projection/level.h"
#include "userspace/projection/source.h"

#include <memory>
#include <span>
#include <thread>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace veilwire::forwarder {

class KafkaSink final : public Sink {
 public:
  KafkaSink(boost::asio::io_context& io, KafkaSinkSettings settings, projection::Level level,
            projection::Source source);

  boost::asio::awaitable<Sent> send(std::span<const Told> told) override;

 private:
  using Messages = std::vector<outbound::KafkaMessage>;

  // What one record or exchange becomes; empty where the level has nothing to say of it.
  Messages messages_of(const Told& told, projection::Level level) const;
  boost::asio::awaitable<Messages> alone(const Told& told, projection::Level level);

  boost::asio::io_context& io_;
  KafkaSinkSettings settings_;
  projection::Level level_;
  projection::Source source_;
  std::unique_ptr<outbound::KafkaProducer> producer_;
  std::jthread retired_;  // waits for the threads of the last one
};

}  // namespace veilwire::forwarder
