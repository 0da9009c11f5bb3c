#include "agent/forwarder/settings.h"

#include "agent/forwarder/sink_kinds.h"
#include "agent/host/host_ids.h"
#include "agent/host/protocol/delivery.h"

#include <array>
#include <chrono>
#include <set>
#include <utility>

#include <unistd.h>

namespace veilwire::forwarder {
namespace {

using host::ConfigSection;

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : "";
}

Tell read_tell(const ConfigSection& section, const SinkKind& kind) {
  if (kind.only_records_whole) {
    for (const char* key : {"tell", "level"}) {
      if (section.has(key)) section.refuse(key, "is not for this kind: it is sent all records");
    }
    return Tell::Records;
  }
  const std::string text =
      section.text("tell", kind.tell == Tell::Records ? "records" : "exchanges");
  if (text == "records") return Tell::Records;
  if (text == "exchanges") return Tell::Exchanges;
  section.refuse("tell", "must be \"records\" or \"exchanges\"");
}

projection::Level read_level(const ConfigSection& section) {
  const auto level = projection::parse_level(section.text("level", "masked"));
  if (!level) section.refuse("level", "must be \"masked\", \"metadata\" or \"findings\"");
  return *level;
}

ConfiguredSink read_sink(const ConfigSection& section, const SinkGift& common) {
  ConfiguredSink sink;
  DeliverySettings& delivery = sink.delivery;
  delivery.name = section.required_text("name");
  if (!host::protocol::is_sink_name(delivery.name))
    section.refuse("name",
                   "must be of a-z, 0-9, \"-\", \"_\" and \".\", and begin with a-z or 0-9");
  const SinkKind* kind = find_sink_kind(section.required_text("kind"));
  if (kind == nullptr) section.refuse("kind", "must be one of " + sink_kinds());
  delivery.tell = read_tell(section, *kind);
  delivery.batch_bytes =
      static_cast<std::uint32_t>(section.integer("batch_kib", 1024, 64, 4096) * 1024);
  delivery.backoff.first =
      std::chrono::milliseconds(section.integer("retry_first_ms", 1000, 1, 60'000));
  delivery.backoff.longest =
      std::chrono::seconds(section.integer("retry_longest_seconds", 60, 1, 3600));
  if (delivery.backoff.longest < delivery.backoff.first)
    section.refuse("retry_longest_seconds", "must not be less than retry_first_ms");
  SinkGift gift = common;
  gift.level = kind->only_records_whole ? projection::Level::Masked : read_level(section);
  ReadSink read = kind->read(section, std::move(gift));
  section.check();
  delivery.destination = read.destination.substr(0, host::protocol::kSinkDestination);
  sink.make = std::move(read.make);
  return sink;
}

}  // namespace

Settings read_settings(const ConfigSection& section, const std::string& version) {
  Settings settings;
  settings.daemon = host::read_program_settings(section, "forwarder");
  settings.recorder_socket =
      section.text("recorder_socket", "/run/veilwire-recorder/delivery.sock");
  const SinkGift common{
      .level = {},
      .source = {.version = version,
                 .host_id = host::read_host_ids().machine,
                 .host_name = section.text("host_name", host_name())},
      .internal_ca = section.text("internal_ca", "/etc/veilwire/ca.pem"),
  };
  std::set<std::string> names;
  for (const ConfigSection& sink : section.tables("sink")) {
    settings.sinks.push_back(read_sink(sink, common));
    if (!names.insert(settings.sinks.back().delivery.name).second)
      sink.refuse("name", "another sink has it already");
  }
  section.check();
  return settings;
}

}  // namespace veilwire::forwarder
