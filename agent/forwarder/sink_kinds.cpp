#include "agent/forwarder/sink_kinds.h"

#include "agent/forwarder/kafka_sink.h"
#include "agent/forwarder/otlp_sink.h"
#include "agent/host/clock.h"

#include <utility>

namespace veilwire::forwarder {
namespace {

using boost::asio::io_context;
using host::ConfigSection;

WallTime wall_clock() { return host::now().wall; }

ReadSink read_otlp(const ConfigSection& section, SinkGift gift) {
  OtlpSettings settings = read_otlp_settings(section);
  settings.tls.never_trust = gift.internal_ca;
  std::string destination = section.required_text("endpoint");
  return {std::move(destination), [settings, gift](io_context& io) {
            return std::make_unique<OtlpSink>(io, settings, gift.level, gift.source, wall_clock);
          }};
}

ReadSink read_kafka(const ConfigSection& section, SinkGift gift) {
  KafkaSettings settings = read_kafka_settings(section);
  std::string destination = "kafka " + settings.topic + " at";
  for (const std::string& broker : settings.brokers) destination += " " + broker;
  return {std::move(destination), [settings, gift](io_context& io) {
            return std::make_unique<KafkaSink>(io, settings, gift.level, gift.source);
          }};
}

constexpr SinkKind kKinds[] = {
    {.name = "otlp", .tell = Tell::Exchanges, .only_records_whole = false, .read = read_otlp},
    {.name = "kafka", .tell = Tell::Records, .only_records_whole = false, .read = read_kafka},
};

}  // namespace

const SinkKind* find_sink_kind(std::string_view name) {
  for (const SinkKind& kind : kKinds) {
    if (kind.name == name) return &kind;
  }
  return nullptr;
}

std::string sink_kinds() {
  std::string out;
  for (const SinkKind& kind : kKinds)
    out += (out.empty() ? "\"" : ", \"") + std::string(kind.name) + "\"";
  return out;
}

}  // namespace veilwire::forwarder
