// Asks the agent's programs for what they count, all at once and each for a bounded time, and makes
// metrics of their answers. Needs no privilege but to connect to their sockets
// (agent/host/protocol/status.h). Tested by tests/unit/metrics/gather_test.cpp and
// tests/e2e/metrics_test.py.
#pragma once

#include "agent/metrics/exposition.h"

#include <chrono>
#include <string>
#include <vector>

namespace veilwire::metrics {

// Where a program answers.
struct Place {
  std::string program;  // "proxy"
  std::string socket;
};
// Of the programs that the configuration has on this host. Throws host::ConfigError.
std::vector<Place> read_places(const std::string& config);

struct Answer {
  std::string program;
  int error = 0;         // errno: why there is no document
  std::string document;  // JSON object
};
std::vector<Answer> ask(const std::vector<Place>& places, std::chrono::milliseconds patience);

// From answers of any content: what is not as expected is left out. monotonic: CLOCK_MONOTONIC,
// which the kernel's heartbeat is compared with.
Exposition collect(const std::vector<Answer>& answers, const std::string& version,
                   std::chrono::nanoseconds monotonic);

// Whether every program that answers at all refuses us.
bool may_ask_nobody(const std::vector<Answer>& answers);

}  // namespace veilwire::metrics
