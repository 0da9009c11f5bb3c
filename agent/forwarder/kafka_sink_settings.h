// A sink of kind "kafka", as its table says it: the keys of agent/outbound/kafka_settings.h, with
//
//   format = "jsonl"          # "ocsf", or "otlp" (as the OpenTelemetry Collector's otlp_proto: one
//                             #  request of one event a message)
//
// Tested by tests/unit/forwarder/sink_settings_test.cpp.
#pragma once

#include "agent/outbound/kafka_settings.h"

#include <cstdint>

namespace veilwire::forwarder {

struct KafkaSinkSettings : outbound::KafkaSettings {
  enum class Format : std::uint8_t { Jsonl, Ocsf, Otlp };
  Format format = Format::Jsonl;
};

// Throws host::ConfigError. The caller checks the section.
KafkaSinkSettings read_kafka_sink_settings(const host::ConfigSection& section);

}  // namespace veilwire::forwarder
