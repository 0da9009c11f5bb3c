// `veilwire login`, `logout`, `whoami`, `sessions` and `attach`: what people say to
// veilwire-identity. Tested by tests/e2e/login_test.py.
#pragma once

namespace CLI {
class App;
}

namespace veilwire::ctl {

// Adds the commands; what runs sets exit_code. app must have an option --config and outlive
// parsing, as must exit_code.
void add_people(CLI::App& app, int& exit_code);

}  // namespace veilwire::ctl
