#include "agent/forwarder/kafka_sink_settings.h"

namespace veilwire::forwarder {

KafkaSinkSettings read_kafka_sink_settings(const host::ConfigSection& section) {
  using Format = KafkaSinkSettings::Format;
  KafkaSinkSettings settings{outbound::read_kafka_settings(section), Format::Jsonl};
  const std::string format = section.text("format", "jsonl");
  if (format != "jsonl" && format != "ocsf" && format != "otlp")
    section.refuse("format", R"(must be one of "jsonl", "ocsf", "otlp")");
  settings.format = format == "jsonl"  ? Format::Jsonl
                    : format == "ocsf" ? Format::Ocsf
                                       : Format::Otlp;
  return settings;
}

}  // namespace veilwire::forwarder
