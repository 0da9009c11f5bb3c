#include "agent/identity/event_settings.h"

#include "agent/identity/oidc_settings.h"
#include "userspace/identity/idp_fault.h"
#include "userspace/identity/oidc_provider.h"
#include "userspace/identity/printable.h"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace veilwire::agent_identity {
namespace {

using host::ConfigSection;
using identity::Url;

Url address(const ConfigSection& section, std::string_view key, const std::string& text) {
  const auto url = identity::parse_url(text, identity::PlainHttp::Loopback);
  if (!url) section.refuse(key, "must be an https address");
  return *url;
}

std::string issuer_name(const ConfigSection& section, std::string_view key,
                        const std::string& text) {
  if (!identity::parse_issuer(text))
    section.refuse(key, "must be an https address without a query");
  return text;
}

TransmitterSettings read_transmitter(const ConfigSection& section,
                                     const std::optional<Url>& issuer) {
  TransmitterSettings s;
  s.poll.endpoint = address(section, "poll", section.required_text("poll"));
  s.poll.long_poll = section.boolean("long_poll", true);
  s.poll.interval = std::chrono::seconds(section.integer("poll_seconds", 15, 1, 60));
  s.expected.transmitter = issuer_name(section, "issuer", section.required_text("issuer"));
  s.expected.audience = section.required_text("audience");
  if (!identity::printable(s.expected.audience))
    section.refuse("audience", "must be printable text");
  if (!issuer || section.has("people_issuer"))
    s.expected.issuer =
        issuer_name(section, "people_issuer", section.required_text("people_issuer"));
  else
    s.expected.issuer = issuer->text;
  if (section.has("keys")) s.keys = address(section, "keys", section.text("keys", ""));
  s.token_file = section.required_text("token_file");
  section.check();
  return s;
}

}  // namespace

std::vector<TransmitterSettings> read_transmitters(const ConfigSection& section,
                                                   const std::optional<Url>& issuer) {
  std::vector<TransmitterSettings> all;
  for (const ConfigSection& table : section.tables("transmitter")) {
    TransmitterSettings one = read_transmitter(table, issuer);
    const bool twice = std::any_of(all.begin(), all.end(), [&](const auto& other) {
      return other.poll.endpoint == one.poll.endpoint;
    });
    if (twice) table.refuse("poll", "is another transmitter's too: an event is given out once");
    all.push_back(std::move(one));
  }
  return all;
}

Secret read_bearer(const std::string& token_file) {
  const Secret token = read_secret(token_file);
  if (!identity::is_credential(token.reveal()))
    throw std::runtime_error(token_file + ": must hold a bearer token and nothing else");
  return SecretBuilder().append("Bearer ").append(token.reveal()).take();
}

}  // namespace veilwire::agent_identity
