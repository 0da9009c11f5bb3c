// `veilwire setup`: makes a host ready, and takes that back. What is done is in agent/setup; here
// it is asked for, shown, confirmed and told. Tested by tests/setup/setup_test.py and, with a whole
// agent, tests/e2e/setup_test.py.
#pragma once

#include <iosfwd>
#include <string>

namespace CLI {
class App;
}

namespace veilwire::ctl {

// Exit codes. A usage error (2) is also a mistake in the answers file: nothing was looked at.
inline constexpr int kSetupDone = 0;
inline constexpr int kSetupFailed = 1;
inline constexpr int kSetupUsage = 2;
inline constexpr int kSetupConflict = 3;  // somebody else's work is in the way; nothing was done
inline constexpr int kSetupWaiting = 4;   // for the certificate that was asked for
inline constexpr int kSetupUnwell = 5;    // everything was done, and not everything is well

struct SetupOptions {
  std::string config;
  std::string program_folder;
  std::string from;  // empty: a person is asked
  std::string root;  // empty: this host
  bool dry_run = false, json = false, yes = false, replace = false;
  bool undo = false, force = false, keep_keys = false;
};

int run_setup(const SetupOptions& options, std::istream& in, std::ostream& out, std::ostream& err);

// Adds the command. app must have an option --config and outlive parsing, as must exit_code.
void add_setup(CLI::App& app, int& exit_code);

}  // namespace veilwire::ctl
