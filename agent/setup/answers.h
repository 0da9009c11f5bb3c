// What set-up is to do, as a person has answered or a fleet has written it: one TOML file. What of
// it is for the programs, [identity] and the like, becomes tables of agent.toml as it stands. Every
// mistake comes with file, line and column. Tested by tests/unit/setup/answers_test.cpp; the keys
// are those of veilwire-setup(8), which tests/manual_test.py compares.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace veilwire::setup {

struct Answers {
  enum class Ca { Made, Imported, Requested };
  Ca ca = Ca::Made;
  std::vector<std::string> hosts;  // empty: those of the policy
  int days = 730;                  // that one made here is valid
  std::string certificate;         // path of the imported or signed chain
  std::string key;                 // path of the imported one's key
  bool unconstrained = false;      // one that may sign for every name is taken, too

  bool system_store = true;  // the system trusts the CA
  bool node = true;  // so do Claude Code and MCP servers on a Node that has a store of its own

  std::string policy;  // path; empty: what is installed

  bool start = true;
  int wait_seconds = 30;  // for everything to be well

  // A file to put on the host: metadata of an IdP, a secret, a rule pack.
  struct File {
    std::string path, source, user;
    unsigned mode = 0644;
  };
  std::vector<File> files;

  std::string tables;  // TOML, as in agent.toml
};

// `name` is for messages, and paths in it are relative to its folder. Throws host::ConfigError.
Answers read_answers(std::string_view toml, const std::string& name);
// The same of a file, which nobody else may be able to write.
Answers load_answers(const std::string& path);

}  // namespace veilwire::setup
