#include "agent/witness/settings.h"

#include "userspace/audit/record.h"
#include "userspace/evidence/witness_message.h"

#include <charconv>
#include <string_view>
#include <utility>

namespace veilwire::witness {
namespace {

using host::ConfigSection;

constexpr std::string_view kTables[] = {"witness"};

// "0.0.0.0:8443" or "[::]:8443".
void read_listen(const ConfigSection& section, Settings& s) {
  const std::string text = section.text("listen", "[::]:8443");
  const std::size_t colon = text.rfind(':');
  std::string address = text.substr(0, colon == text.npos ? 0 : colon);
  if (address.starts_with('[') && address.ends_with(']'))
    address = address.substr(1, address.size() - 2);
  else if (address.find(':') != address.npos)
    address.clear();
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(end - (text.size() - colon - 1), end, s.listen_port);
  if (address.empty() || error != std::errc() || stop != end)
    section.refuse("listen", R"(is an address and a port, such as "[::]:8443")");
  s.listen_address = std::move(address);
}

bool is_loopback(const std::string& address) {
  return address == "::1" || address.starts_with("127.");
}

void read_tls(const ConfigSection& section, Settings& s) {
  s.certificate = section.text("certificate", "");
  s.certificate_key = section.text("certificate_key", "");
  s.client_ca = section.text("client_ca", "");
  const bool none = s.certificate.empty() && s.certificate_key.empty() && s.client_ca.empty();
  if (none && !is_loopback(s.listen_address)) {
    section.refuse("certificate",
                   "is missing, with certificate_key and client_ca: only a loopback address is "
                   "served without TLS");
  }
  if (!none && (s.certificate.empty() || s.certificate_key.empty() || s.client_ca.empty()))
    section.refuse("certificate", "certificate, certificate_key and client_ca belong together");
}

void read_log(const ConfigSection& section, Rules& rules) {
  const std::string origin = section.required_text("origin");
  evidence::BatchWriter probe(origin, 1);
  (void)probe.add("x");
  if (!evidence::parse_batch(probe.bytes()))
    section.refuse("origin", "is the name of a log: one word of printable ASCII");
  if (rules.listed.contains(origin)) section.refuse("origin", "\"" + origin + "\" is listed twice");
  ListedLog& log = rules.listed[origin];
  log.clients = section.texts("clients", {});
  log.retired = section.boolean("retired", false);
  for (const std::string& text : section.texts("keys", {})) {
    auto key = proof::NoteVerifier::parse(text);
    if (!key || key->kind() != proof::NoteKeyKind::Log)
      section.refuse("keys", "\"" + text + "\" is no key of a log, as veilwire audit verify shows");
    log.keys.push_back(*std::move(key));
  }
  section.check();
}

void read_records(const ConfigSection& section, Settings& s) {
  const std::string records = section.text("records", "postgresql");
  if (records != "postgresql" && records != "kafka" && records != "both")
    section.refuse("records", R"(is "postgresql", "kafka" or "both")");
  s.records = records == "kafka"  ? RecordsIn::Kafka
              : records == "both" ? RecordsIn::Both
                                  : RecordsIn::Postgresql;
  if (s.records == RecordsIn::Postgresql) {
    if (section.has("kafka"))
      section.refuse("kafka", R"(is for records = "kafka" or records = "both")");
    return;
  }
  const ConfigSection kafka = section.table("kafka");
  outbound::KafkaSettings unless_said;
  unless_said.message_bytes = 2 * audit::kRecordBytes;
  unless_said.timeout = std::chrono::seconds(10);  // a host waits 30 s for an answer
  s.kafka = outbound::read_kafka_settings(kafka, std::move(unless_said));
  // The largest record, with its key and headers.
  constexpr std::size_t kLeast = audit::kRecordBytes + 64 * 1024;
  if (s.kafka->message_bytes < kLeast)
    kafka.refuse("message_bytes",
                 "must be " + std::to_string(kLeast) + " at least, for the largest record");
  kafka.check();
}

}  // namespace

Settings read_settings(const ConfigSection& section) {
  Settings s;
  s.name = section.required_text("name");
  if (!proof::is_key_name(s.name))
    section.refuse("name", "is one word, such as \"example.com/veilwire-witness\"");
  s.key = section.text("key", "/var/lib/veilwire-witness/witness.key");
  read_listen(section, s);
  read_tls(section, s);
  s.database = section.text("database", "dbname=veilwire");
  s.connections = static_cast<int>(section.integer("connections", 4, 1, 64));
  s.user = section.text("user", "veilwire-witness");
  s.log_level = section.text("log_level", "info");
  const std::string others = section.text("other_logs", "accept");
  if (others != "accept" && others != "refuse")
    section.refuse("other_logs", R"(is "accept" or "refuse")");
  s.rules.only_listed = others == "refuse";
  read_records(section, s);
  for (const ConfigSection& log : section.tables("log")) read_log(log, s.rules);
  section.check();
  return s;
}

Settings read_settings(const std::string& path) {
  return read_settings(host::Config::load(path, kTables).section("witness"));
}

}  // namespace veilwire::witness
