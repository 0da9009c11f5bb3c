// The closed set of metrics: name, type, labels and meaning of each. Names follow Prometheus and
// OpenMetrics: base units, counters end in _total. Labels are bounded: programs, words of this
// code, rules and sinks that the configuration names; never a person, a session or a client.
// veilwire-metrics(7) lists them for operators; tests/e2e/metrics_test.py compares.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace veilwire::metrics {

enum class Type : std::uint8_t { Counter, Gauge, Histogram };
std::string_view to_string(Type type);

struct Family {
  std::string_view name;  // as queries spell it
  Type type;
  std::string_view labels;  // names, separated by blanks, in their order
  std::string_view help;    // one sentence; no backslash, no quotation mark, no line feed
};

// In the order in which they are shown.
std::span<const Family> families();

}  // namespace veilwire::metrics
