// What sinks of kind "syslog" and "relp" have in common, as their table says it:
//
//   address = "logs.example:6514"    # "[2001:db8::1]:6514"
//   tls = true                       # false for a loopback address alone
//   message_bytes = 8192             # longer ones are told with less; what receivers take, too
//   timeout_seconds = 30             # for each step
//
// and those of tls_files.h; of "syslog" alone:
//
//   settle_ms = 500                  # syslog_sink.h says what for
//   close_notify = true              # the same
//
// Tested by tests/unit/forwarder/sink_settings_test.cpp.
#pragma once

#include "agent/forwarder/sink.h"
#include "agent/forwarder/tls_files.h"
#include "agent/host/config.h"
#include "userspace/projection/level.h"
#include "userspace/projection/source.h"
#include "userspace/projection/syslog.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace veilwire::forwarder {

struct SyslogSettings {
  std::string host;  // a name, or an address without brackets
  std::uint16_t port = 0;
  bool tls = true;
  TlsSettings tls_files;
  std::size_t message_bytes = projection::kSyslogMessage;
  std::chrono::milliseconds timeout{30'000};
  std::chrono::milliseconds settle{500};
  bool close_notify = true;
};

// Throws host::ConfigError. The caller checks the section.
SyslogSettings read_syslog_settings(const host::ConfigSection& section);
SyslogSettings read_relp_settings(const host::ConfigSection& section);

// Of what this version can read; nothing where the level has nothing to say of it.
std::optional<std::string> syslog_message(const Told& told, const projection::Source& source,
                                          projection::Level level, std::size_t most);

}  // namespace veilwire::forwarder
