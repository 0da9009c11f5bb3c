// [forwarder] of agent.toml:
//   recorder_socket = "/run/veilwire-recorder/delivery.sock"
//   user, status_socket, log_level   as every program's
//   [[forwarder.sink]]
//   name = "..."        what the recorder keeps its position by
//   kind = "..."        one of kSinkKinds; each has keys of its own, in its settings' header
//   tell = "exchanges"  or "records"; a kind may have its own default
//   batch_kib = 1024    read from the ledger at once
//   retry_first_ms = 1000, retry_longest_seconds = 60
// Tested by tests/unit/forwarder/settings_test.cpp.
#pragma once

#include "agent/forwarder/forwarder.h"
#include "agent/host/config.h"
#include "agent/host/program.h"

#include <string>
#include <vector>

namespace veilwire::forwarder {

struct Settings {
  host::DaemonSettings daemon;
  std::string recorder_socket;
  std::vector<ConfiguredSink> sinks;
};

// Throws host::ConfigError. version: of this program, for what it says of itself.
Settings read_settings(const host::ConfigSection& section, const std::string& version);

}  // namespace veilwire::forwarder
