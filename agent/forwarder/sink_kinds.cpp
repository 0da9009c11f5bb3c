#include "agent/forwarder/sink_kinds.h"

#include "agent/forwarder/kafka_sink.h"
#include "agent/forwarder/otlp_sink.h"
#include "agent/forwarder/relp_sink.h"
#include "agent/forwarder/syslog_sink.h"
#include "agent/forwarder/witness_sink.h"
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
  KafkaSinkSettings settings = read_kafka_sink_settings(section);
  std::string destination = "kafka " + settings.topic + " at";
  for (const std::string& broker : settings.brokers) destination += " " + broker;
  return {std::move(destination), [settings, gift](io_context& io) {
            return std::make_unique<KafkaSink>(io, settings, gift.level, gift.source);
          }};
}

ReadSink read_witness(const ConfigSection& section, SinkGift gift) {
  WitnessSettings settings = read_witness_settings(section);
  settings.tls.never_trust = gift.internal_ca;
  std::string destination = section.required_text("endpoint");
  return {std::move(destination), [settings](io_context& io) {
            return std::make_unique<WitnessSink>(io, settings, wall_clock);
          }};
}

template <class SomeSink>
ReadSink syslog(const ConfigSection& section, SyslogSettings settings, SinkGift gift,
                const std::string& scheme) {
  settings.tls_files.never_trust = gift.internal_ca;
  return {scheme + section.required_text("address"), [settings, gift](io_context& io) {
            return std::make_unique<SomeSink>(io, settings, gift.level, gift.source, wall_clock);
          }};
}
ReadSink read_syslog(const ConfigSection& section, SinkGift gift) {
  return syslog<SyslogSink>(section, read_syslog_settings(section), std::move(gift), "syslog://");
}
ReadSink read_relp(const ConfigSection& section, SinkGift gift) {
  return syslog<RelpSink>(section, read_relp_settings(section), std::move(gift), "relp://");
}

constexpr SinkKind kKinds[] = {
    {.name = "otlp", .tell = Tell::Exchanges, .only_records_whole = false, .read = read_otlp},
    {.name = "kafka", .tell = Tell::Records, .only_records_whole = false, .read = read_kafka},
    {.name = "syslog", .tell = Tell::Exchanges, .only_records_whole = false, .read = read_syslog},
    {.name = "relp", .tell = Tell::Exchanges, .only_records_whole = false, .read = read_relp},
    {.name = "witness", .tell = Tell::Records, .only_records_whole = true, .read = read_witness},
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
