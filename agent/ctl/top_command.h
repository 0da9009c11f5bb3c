// `veilwire top`: who is connected to what now, what is found, and what it costs. Tested by
// tests/e2e/top_test.py.
#pragma once

#include <chrono>
#include <iosfwd>
#include <string>

namespace veilwire::ctl {

struct TopOptions {
  std::string config;
  std::chrono::milliseconds interval{1000};
  bool once = false;  // one picture as text, or with json one line
  bool json = false;  // a line an interval
};

// The exit code: 0, 1 nobody answers this user, 2 standard output is no terminal and neither once
// nor json is wanted. Throws host::ConfigError.
int run_top(const TopOptions& options, std::ostream& out, std::ostream& errors);

}  // namespace veilwire::ctl
