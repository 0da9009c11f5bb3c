// A topic of Kafka and how to write to it, as a table says it:
//
//   brokers = ["kafka-1.example:9093"]     # some of them, to begin with
//   topic = "veilwire"
//   security_protocol = "ssl"              # "sasl_ssl"; "plaintext" to loopback addresses alone
//   ca_file = "/etc/veilwire/kafka-ca.pem" # with TLS: no default
//   certificate_file, key_file             # none
//   sasl_mechanism = "SCRAM-SHA-512"       # "SCRAM-SHA-256", "PLAIN"
//   sasl_username = "veilwire"
//   sasl_password_file = "/etc/veilwire/kafka-password"
//   compression = "gzip"                   # "none", "snappy", "lz4", "zstd"
//   message_bytes = 1000000                # as the topic's max.message.bytes
//   timeout_seconds = 30                   # until a message is given up for this time
//
// These are the settings of librdkafka that an operator has to choose; the others are what delivery
// without loss and without disorder needs. Tested by tests/unit/forwarder/sink_settings_test.cpp.
#pragma once

#include "agent/host/config.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace veilwire::outbound {

struct KafkaSettings {
  std::vector<std::string> brokers;
  std::string topic;
  bool tls = true;
  // The system's store holds our own CA, which librdkafka could not leave out.
  std::string roots, certificate, key;
  std::string sasl_mechanism;  // empty: none
  std::string sasl_username, sasl_password_file;
  std::string compression = "gzip";
  std::size_t message_bytes = 1'000'000;
  std::chrono::milliseconds timeout{30'000};
};

// settings: of which message_bytes and timeout are what they are unless the table says them. Throws
// host::ConfigError. The caller checks the section.
KafkaSettings read_kafka_settings(const host::ConfigSection& section, KafkaSettings settings = {});

}  // namespace veilwire::outbound
