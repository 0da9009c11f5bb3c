// [[identity.machine]]: which services of this host act as a client of the IdP, and how that client
// proves who it is. Tested by tests/unit/identity/machine_settings_test.cpp.
#pragma once

#include "agent/host/config.h"
#include "agent/identity/client_settings.h"
#include "userspace/identity/machine_rules.h"
#include "userspace/identity/url.h"

#include <optional>
#include <string>
#include <vector>

namespace veilwire::agent_identity {

struct MachineSettings {
  identity::MachineRule rule;
  identity::Url issuer;
  ClientSettings client;
  std::string scope, resource;  // what to ask for; may be empty
  // Whom its access tokens are for, as RFC 9068 has it. Empty: they are opaque, and the IdP is
  // asked about them.
  std::string audience;
};

// `section`: [identity]; issuer: its own, which counts where a machine names none. Resolves users
// of this host. Throws std::runtime_error.
std::vector<MachineSettings> read_machines(const host::ConfigSection& section,
                                           const std::optional<identity::Url>& issuer);

}  // namespace veilwire::agent_identity
