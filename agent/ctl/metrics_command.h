// `veilwire metrics`: what the agent counts, as text for Prometheus, once. Tested by
// tests/e2e/metrics_test.py.
#pragma once

#include "agent/metrics/exposition.h"

#include <iosfwd>
#include <string>

namespace veilwire::ctl {

// The exit code: 0 printed, whatever runs; 1 not, because nobody answers this user or it could not
// be written.
int print_metrics(const std::string& config, metrics::Form form, std::ostream& out,
                  std::ostream& errors);

}  // namespace veilwire::ctl
