#include "agent/outbound/kafka_settings.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

namespace veilwire::outbound {
namespace {

using host::ConfigSection;

std::string one_of(const ConfigSection& section, std::string_view key, const char* fallback,
                   std::initializer_list<std::string_view> allowed) {
  const std::string value = section.text(key, fallback);
  if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return value;
  std::string all;
  for (const std::string_view each : allowed)
    all.append(all.empty() ? "must be one of \"" : "\", \"").append(each);
  section.refuse(key, all + "\"");
}

std::string file(const ConfigSection& section, std::string_view key, bool required) {
  std::string path = required ? section.required_text(key) : section.text(key, "");
  if (!path.empty() && !path.starts_with('/')) section.refuse(key, "must be an absolute path");
  return path;
}

// What librdkafka takes for a list is one of ours.
bool is_broker(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  return colon != text.npos && colon != 0 && colon + 1 < text.size() &&
         text.find("://") == text.npos && std::all_of(text.begin(), text.end(), [](char c) {
           return c > ' ' && c <= '~' && c != ',';
         });
}

// As brokers do (org.apache.kafka.common.internals.Topic).
bool is_topic(std::string_view name) {
  return !name.empty() && name.size() <= 249 && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

void read_tls(const ConfigSection& section, KafkaSettings& settings) {
  settings.roots = file(section, "ca_file", true);
  settings.certificate = file(section, "certificate_file", section.has("key_file"));
  settings.key = file(section, "key_file", section.has("certificate_file"));
}

void read_sasl(const ConfigSection& section, KafkaSettings& settings) {
  settings.sasl_mechanism = one_of(section, "sasl_mechanism", "SCRAM-SHA-512",
                                   {"SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"});
  settings.sasl_username = section.required_text("sasl_username");
  settings.sasl_password_file = file(section, "sasl_password_file", true);
}

}  // namespace

KafkaSettings read_kafka_settings(const ConfigSection& section, KafkaSettings settings) {
  settings.brokers = section.texts("brokers", {});
  if (settings.brokers.empty()) section.refuse("brokers", "must name one at least");
  if (!std::all_of(settings.brokers.begin(), settings.brokers.end(), is_broker))
    section.refuse("brokers", "must each be \"HOST:PORT\"");
  settings.topic = section.required_text("topic");
  if (!is_topic(settings.topic)) section.refuse("topic", "is no name of a topic");
  const std::string security =
      one_of(section, "security_protocol", "ssl", {"ssl", "sasl_ssl", "plaintext"});
  settings.tls = security != "plaintext";
  if (settings.tls) read_tls(section, settings);
  if (security == "sasl_ssl") read_sasl(section, settings);
  settings.compression =
      one_of(section, "compression", "gzip", {"none", "gzip", "snappy", "lz4", "zstd"});
  settings.message_bytes = static_cast<std::size_t>(section.integer(
      "message_bytes", static_cast<std::int64_t>(settings.message_bytes), 16 * 1024, 100'000'000));
  settings.timeout = std::chrono::seconds(section.integer(
      "timeout_seconds", std::chrono::duration_cast<std::chrono::seconds>(settings.timeout).count(),
      1, 300));
  return settings;
}

}  // namespace veilwire::outbound
