// A Kafka cluster that librdkafka brings for tests, on loopback, and what has come to a topic of
// it.
#pragma once

#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

namespace veilwire::forwarder::testing {

struct Consumed {
  std::string key, uid, value;
  std::string origin, number;  // headers, where there are
  int partition = 0;
};

class MockKafka {
 public:
  static constexpr const char* kTopic = "veilwire";

  MockKafka() : owner_(make(RD_KAFKA_PRODUCER, {})) {
    cluster_.reset(rd_kafka_mock_cluster_new(owner_.get(), 3));
    if (!cluster_) throw std::runtime_error("no mock cluster");
    rd_kafka_mock_topic_create(cluster_.get(), kTopic, 4, 3);
  }

  std::string brokers() const { return rd_kafka_mock_cluster_bootstraps(cluster_.get()); }
  rd_kafka_mock_cluster_t* get() const { return cluster_.get(); }

  // What the next requests to produce are answered.
  void fail(std::initializer_list<rd_kafka_resp_err_t> errors) {
    const std::vector<rd_kafka_resp_err_t> list(errors);
    rd_kafka_mock_push_request_errors_array(cluster_.get(), kProduce, list.size(), list.data());
  }
  void forgive() { rd_kafka_mock_clear_request_errors(cluster_.get(), kProduce); }

  // Everything in the topic, by partition.
  std::vector<Consumed> consume() const {
    const Handle consumer = make(
        RD_KAFKA_CONSUMER,
        {{"bootstrap.servers", brokers()}, {"group.id", "test"}, {"enable.partition.eof", "true"}});
    rd_kafka_poll_set_consumer(consumer.get());
    constexpr int kPartitions = 4;
    rd_kafka_topic_partition_list_t* all = rd_kafka_topic_partition_list_new(kPartitions);
    for (int partition = 0; partition < kPartitions; ++partition)
      rd_kafka_topic_partition_list_add(all, kTopic, partition)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(consumer.get(), all);
    rd_kafka_topic_partition_list_destroy(all);
    std::vector<Consumed> consumed;
    for (int ends = 0; ends < kPartitions;) {
      rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer.get(), 20'000);
      if (message == nullptr) throw std::runtime_error("the topic has no end");
      if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) ++ends;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) consumed.push_back(read(*message));
      rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(consumer.get());
    return consumed;
  }

 private:
  static constexpr std::int16_t kProduce = 0;
  struct Free {
    void operator()(rd_kafka_t* handle) const { rd_kafka_destroy(handle); }
    void operator()(rd_kafka_mock_cluster_t* cluster) const {
      rd_kafka_mock_cluster_destroy(cluster);
    }
  };
  using Handle = std::unique_ptr<rd_kafka_t, Free>;

  static Handle make(rd_kafka_type_t type,
                     std::initializer_list<std::pair<const char*, std::string>> settings) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    char error[512] = "";
    for (const auto& [name, value] : settings)
      rd_kafka_conf_set(conf, name, value.c_str(), error, sizeof error);
    rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t*, int, const char*, const char*) {});
    rd_kafka_t* handle = rd_kafka_new(type, conf, error, sizeof error);
    if (handle == nullptr) throw std::runtime_error(error);
    return Handle(handle);
  }
  static Consumed read(const rd_kafka_message_t& message) {
    const auto text = [](const void* bytes, std::size_t size) {
      return std::string(static_cast<const char*>(bytes), size);
    };
    Consumed out{.key = text(message.key, message.key_len),
                 .uid = {},
                 .value = text(message.payload, message.len),
                 .origin = {},
                 .number = {},
                 .partition = message.partition};
    rd_kafka_headers_t* headers = nullptr;
    if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return out;
    const auto header = [&](const char* name) {
      const void* value = nullptr;
      std::size_t size = 0;
      const auto error = rd_kafka_header_get_last(headers, name, &value, &size);
      return error == RD_KAFKA_RESP_ERR_NO_ERROR ? text(value, size) : std::string();
    };
    out.uid = header("uid");
    out.origin = header("origin");
    out.number = header("number");
    return out;
  }

  Handle owner_;
  std::unique_ptr<rd_kafka_mock_cluster_t, Free> cluster_;
};

}  // namespace veilwire::forwarder::testing
