// The options of `veilwire audit`. Tested by tests/unit/ctl/audit_commands_test.cpp.
#pragma once

namespace CLI {
class App;
}

namespace veilwire::ctl {

// Adds `audit` with its subcommands; what runs sets exit_code. app must have an option --config and
// outlive parsing, as must exit_code.
void add_audit(CLI::App& app, int& exit_code);

}  // namespace veilwire::ctl
