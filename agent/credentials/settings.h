// The table [credentials] of agent.toml, with a table for each source:
//
//   [[credentials.source]]
//   name = "team-key"            # as the policy names it
//   kind = "file"                # "systemd", "command" or "vault"
//   path = "/etc/veilwire/credentials/team-key"
//
// veilwire-credentials(8) lists the keys. Tested by tests/unit/credentials/settings_test.cpp.
#pragma once

#include "agent/credentials/keeper.h"
#include "agent/host/config.h"
#include "agent/host/program.h"

#include <map>
#include <string>

namespace veilwire::credentials {

struct Settings {
  host::DaemonSettings daemon;
  std::string proxy_user;
  std::map<std::string, KeptSource> sources;
  bool network = false;   // a vault is asked
  bool programs = false;  // a command is started
};

// Throws host::ConfigError.
Settings read_settings(const host::ConfigSection& section);

}  // namespace veilwire::credentials
