#include "agent/saml/settings.h"

#include "agent/host/loopback_address.h"
#include "agent/host/protocol/saml.h"
#include "agent/host/trusted_file.h"
#include "userspace/identity/saml_assertion.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace veilwire::saml {
namespace {

// An URI as it can stand in XML as it is.
bool is_plain_uri(const std::string& text) {
  return !text.empty() && text.size() <= host::protocol::kSamlCallback &&
         text.find(':') != text.npos && std::all_of(text.begin(), text.end(), [](char c) {
           return c > ' ' && c < '\x7f' && std::strchr("<>&\"'\\^`{|}", c) == nullptr;
         });
}

std::string name_format(const host::ConfigSection& section) {
  const std::string name = section.text("name_id", "persistent");
  if (name == "persistent") return identity::kSamlPersistent;
  if (name == "transient") return identity::kSamlTransient;
  if (name == "unspecified") return identity::kSamlUnspecified;
  section.refuse("name_id", "is \"persistent\", \"transient\" or \"unspecified\"");
}

}  // namespace

Settings read_settings(const host::ConfigSection& section) {
  Settings s;
  s.identity_user = section.text("identity_user", "veilwire-identity");
  s.daemon = host::read_daemon_settings(section, "saml", {s.identity_user});
  s.metadata = section.text("idp_metadata", "/etc/veilwire/saml-idp.xml");
  s.sp.entity_id = section.required_text("entity_id");
  if (!is_plain_uri(s.sp.entity_id))
    section.refuse("entity_id", "is an URI, such as \"urn:example.com:veilwire\"");
  s.sp.address = section.text("callback", "http://127.0.0.1:8423/saml");
  if (!is_plain_uri(s.sp.address) || !host::parse_loopback(s.sp.address))
    section.refuse("callback", "is an address on loopback: \"http://127.0.0.1:PORT/PATH\"");
  s.sp.name_format = name_format(section);
  section.check();
  return s;
}

Settings read_settings(const std::string& path) {
  return read_settings(host::Config::load(path).section("saml"));
}

std::string read_metadata(const std::string& path) {
  if (const auto why = host::distrust(path)) throw std::runtime_error(path + ": " + *why);
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error(path + ": " + std::strerror(errno));
  constexpr std::size_t kMost = 1024 * 1024;
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (bytes.size() > kMost) throw std::runtime_error(path + ": is too large");
  return bytes;
}

}  // namespace veilwire::saml
