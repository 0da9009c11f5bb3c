// Clients that the agent cannot do right by itself: too old to trust the system's CAs, told not to,
// sent elsewhere, or running since before anybody watched. Of their environments only the names
// that matter here are kept, and of values only what is no secret. Tested by
// tests/unit/doctor/clients_check_test.cpp.
#pragma once

#include "agent/doctor/finding.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace veilwire::doctor {

struct ClientInstall {
  std::string path;
  std::string version;   // "2.1.101"
  bool on_node = false;  // runs on the host's Node, and not on what it brings along
};
struct ClientEnvironment {
  std::string where;                             // "process 12 (claude)", or a settings file
  bool for_all = false;                          // managed settings: hold for every client
  std::map<std::string, std::string> variables;  // those of kClientVariables
};
struct ClientFacts {
  bool every_home_was_read = true;
  std::vector<ClientInstall> installs;
  std::vector<ClientEnvironment> environments;
  std::optional<std::string> node_version;  // of the host's Node
  std::vector<std::string> policy_hosts;
  std::optional<std::vector<std::string>> unwatched;  // clients that run without a label; nullopt:
                                                      // the kernel does not say
};

// Whose values the checks look at; nothing else of an environment leaves its file.
inline constexpr const char* kClientVariables[] = {"CLAUDE_CODE_CERT_STORE",
                                                   "NODE_EXTRA_CA_CERTS",
                                                   "NODE_USE_SYSTEM_CA",
                                                   "NODE_OPTIONS",
                                                   "SSL_CERT_FILE",
                                                   "NODE_TLS_REJECT_UNAUTHORIZED",
                                                   "HTTPS_PROXY",
                                                   "https_proxy",
                                                   "ALL_PROXY",
                                                   "all_proxy",
                                                   "NO_PROXY",
                                                   "no_proxy",
                                                   "ANTHROPIC_BASE_URL",
                                                   "CLAUDE_CODE_USE_BEDROCK",
                                                   "CLAUDE_CODE_USE_VERTEX"};

// "2.1.99" before "2.1.101"; what is no number counts as 0.
bool older(const std::string& version, const std::string& than);

Findings check_clients(const ClientFacts& facts);

}  // namespace veilwire::doctor
