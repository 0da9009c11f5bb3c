#include "agent/identity/machine_settings.h"

#include "agent/host/confinement.h"
#include "userspace/identity/oidc_provider.h"
#include "userspace/identity/printable.h"

#include <exception>
#include <string_view>
#include <utility>

namespace veilwire::agent_identity {
namespace {

using host::ConfigSection;
using identity::ClientMethod;
using identity::MachineFault;

std::string_view key_of(MachineFault fault) {
  switch (fault) {
    case MachineFault::NoName:
    case MachineFault::SameName:
      return "name";
    case MachineFault::NoUnit:
    case MachineFault::BadUnit:
      return "units";
    case MachineFault::BadGroup:
      break;
  }
  return "groups";
}

std::string printable(const ConfigSection& section, std::string_view key, std::string text) {
  if (!text.empty() && !identity::printable(text)) section.refuse(key, "must be printable text");
  return text;
}

MachineSettings read_machine(const ConfigSection& section,
                             const std::optional<identity::Url>& issuer) {
  MachineSettings machine;
  machine.rule.name = section.text("name", "");
  machine.rule.units = section.texts("units", {});
  machine.rule.groups = section.texts("groups", {});
  for (const std::string& user : section.texts("users", {})) {
    try {
      machine.rule.users.push_back(host::resolve_user(user).uid);
    } catch (const std::exception&) {
      section.refuse("users", "there is no user \"" + user + "\"");
    }
  }
  const std::string named = section.text("issuer", "");
  if (named.empty() && !issuer)
    section.refuse("issuer", "is missing: the address of the identity provider");
  const auto own = named.empty() ? issuer : identity::parse_issuer(named);
  if (!own) section.refuse("issuer", "must be an https address without a query");
  machine.issuer = *own;
  machine.client = read_client(section);
  if (machine.client.id.empty())
    section.refuse("client_id", "is missing: the name that the identity provider knows it by");
  if (machine.client.method == ClientMethod::None)
    section.refuse("client_authentication",
                   "is missing: \"private_key_jwt\", \"certificate\", \"secret_basic\" or "
                   "\"secret_post\"");
  for (const std::string& scope : section.texts("scopes", {}))
    machine.scope += (machine.scope.empty() ? "" : " ") + scope;
  machine.resource = printable(section, "resource", section.text("resource", ""));
  machine.audience = printable(section, "audience", section.text("audience", ""));
  section.check();
  return machine;
}

}  // namespace

std::vector<MachineSettings> read_machines(const ConfigSection& section,
                                           const std::optional<identity::Url>& issuer) {
  std::vector<MachineSettings> all;
  std::vector<identity::MachineRule> rules;
  for (const ConfigSection& table : section.tables("machine")) {
    all.push_back(read_machine(table, issuer));
    rules.push_back(all.back().rule);
    const auto checked = identity::check_machine_rules(rules);
    if (!checked)
      table.refuse(key_of(checked.error().fault), std::string(to_string(checked.error().fault)));
  }
  return all;
}

}  // namespace veilwire::agent_identity
