#include "agent/forwarder/witness_sink_settings.h"

#include "userspace/proof/signed_note.h"

namespace veilwire::forwarder {

WitnessSettings read_witness_settings(const host::ConfigSection& section) {
  WitnessSettings settings;
  std::string endpoint = section.required_text("endpoint");
  if (endpoint.ends_with('/')) endpoint.pop_back();
  const auto url = identity::parse_url(endpoint + "/v1/records", identity::PlainHttp::Loopback);
  if (!url || url->target.find('?') != std::string::npos)
    section.refuse("endpoint",
                   "must be a URL such as \"https://witness.example:8443\"; plain http is for a "
                   "loopback address");
  settings.url = *url;
  settings.tls = read_tls_settings(section);
  settings.key = section.required_text("witness_key");
  const auto key = proof::NoteVerifier::parse(settings.key);
  if (!key || key->kind() != proof::NoteKeyKind::Witness)
    section.refuse("witness_key", "must be a witness's key, as veilwire-witness key shows it");
  settings.timeout = std::chrono::seconds(section.integer("timeout_seconds", 30, 1, 300));
  return settings;
}

}  // namespace veilwire::forwarder
