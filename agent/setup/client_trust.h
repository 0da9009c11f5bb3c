// Clients on a Node with a store of its own (npm's Claude Code on Node before 22.15, MCP servers)
// trust what NODE_EXTRA_CA_CERTS names. Claude Code takes it from the managed settings of the host,
// of which every package and administrator has a file of its own in managed-settings.d; all of them
// are merged, by name, over managed-settings.json. Tested by
// tests/unit/setup/client_trust_test.cpp.
#pragma once

#include <string>

namespace veilwire::setup {

inline constexpr const char* kManagedFolder = "/etc/claude-code";

// Of ours. `folder` is kManagedFolder, and an argument for tests.
std::string managed_settings_path(const std::string& folder = kManagedFolder);
std::string managed_settings(const std::string& certificate);

// Who else sets NODE_EXTRA_CA_CERTS, and what to do, in a line; empty: nobody. Ours would take its
// place, and what it names would be trusted no more.
std::string who_else_extends(const std::string& certificate,
                             const std::string& folder = kManagedFolder);

}  // namespace veilwire::setup
