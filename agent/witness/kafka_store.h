// Records through to a topic of Kafka, in front of the store that keeps where each log stands. What
// is added is produced first, all of it, and added to the other store only when all replicas in
// sync have it: what is cosigned is in both. Where that then fails, or the log has moved on
// meanwhile, the topic keeps what the log does not: duplicates by their uid, never a hole.
//
// A message is a record's canonical bytes, as they are hashed. Its key is the log's origin, so that
// a log is in its order in one partition; its headers are `origin`, `number`, and `uid`, which is
// both: ORIGIN/NUMBER. Of several with one uid the one counts whose leaf hash the other store has:
// a host may have said something else after its first words were lost to everyone but the topic.
//
// It waits for Kafka, as the other store does for its database; each thread has one of its own.
// Tested by tests/unit/witness/kafka_store_test.cpp and tests/witness, against librdkafka's mock
// cluster.
#pragma once

#include "agent/outbound/kafka_producer.h"
#include "agent/witness/store.h"

#include <memory>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>

namespace veilwire::witness {

class KafkaStore : public Store {
 public:
  // Both outlive it.
  KafkaStore(Store& inner, const outbound::KafkaSettings& settings)
      : inner_(inner), settings_(settings) {}

  Result<std::optional<KeptLog>, StoreFailure> find(std::string_view origin) override {
    return inner_.find(origin);
  }
  Result<std::vector<proof::Hash>, StoreFailure> leaves(std::string_view origin,
                                                        std::uint64_t first,
                                                        std::uint64_t count) override {
    return inner_.leaves(origin, first, count);
  }
  Result<bool, StoreFailure> add(const Addition& addition) override;
  Result<void, StoreFailure> note(const Tampering& tampering) override {
    return inner_.note(tampering);
  }

 private:
  Result<void, StoreFailure> produce(const Addition& addition);

  Store& inner_;
  const outbound::KafkaSettings& settings_;
  boost::asio::io_context io_;
  std::unique_ptr<outbound::KafkaProducer> producer_;
  std::jthread retired_;  // waits for the threads of the last one
};

}  // namespace veilwire::witness
