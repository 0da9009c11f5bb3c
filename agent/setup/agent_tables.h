// What of the answers is for the programs: tables that become those of agent.toml. Keys are known
// here by name, so that a typing error is found before anything is touched; what values mean is for
// each program to judge. Tested by tests/unit/setup/agent_tables_test.cpp; tests/manual_test.py
// compares the keys with those that the programs take.
#pragma once

#include <string>
#include <string_view>

namespace veilwire::setup {

// The tables of the programs in an answers file, as TOML. Throws host::ConfigError for a table or a
// key that there is not.
std::string agent_tables(std::string_view answers, const std::string& name);

// Whether agent.toml says all of that already. Throws host::ConfigError where it cannot be read.
bool says_tables(std::string_view agent_toml, std::string_view tables, const std::string& name);

// agent.toml with these keys in place of its own; text and comments outside of the tables that
// change stay as they are.
std::string with_tables(std::string_view agent_toml, std::string_view tables,
                        const std::string& name);

// Where the programs look, by what agent.toml says.
struct AgentFacts {
  std::string certificate, key;  // of the CA
  std::string site_key, policy;
  std::string ledger;
  std::string signer_user, proxy_user, recorder_user;
  std::string provider;          // of identities
  std::string cgroup;            // in which clients are caught
  bool has_sinks = false;        // the forwarder has something to do
  bool has_credentials = false;  // and so has veilwire-credentials
};
AgentFacts agent_facts(std::string_view agent_toml, const std::string& name);

}  // namespace veilwire::setup
