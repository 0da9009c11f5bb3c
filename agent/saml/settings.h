// The table [saml] of agent.toml. Tested by tests/unit/saml/settings_test.cpp.
#pragma once

#include "agent/host/config.h"
#include "agent/host/program.h"
#include "agent/saml/lasso_sp.h"

#include <string>

namespace veilwire::saml {

struct Settings {
  host::DaemonSettings daemon;
  std::string identity_user;
  std::string metadata;
  SpSettings sp;
};

// Throws std::runtime_error that says what to do.
Settings read_settings(const std::string& path);
Settings read_settings(const host::ConfigSection& section);
// The file pins the IdP's keys: whoever may write it is every user.
std::string read_metadata(const std::string& path);

}  // namespace veilwire::saml
