// A sink of kind "witness", as its table says it:
//
//   endpoint = "https://witness.example:8443"     # /v1/records is added
//   witness_key = "example.com/w+1b2c3d4e+BA..."  # as `veilwire-witness key` shows it
//   timeout_seconds = 30                          # for one request
//
// and those of tls_files.h. Tested by tests/unit/forwarder/witness_sink_test.cpp.
#pragma once

#include "agent/forwarder/tls_files.h"
#include "agent/host/config.h"
#include "userspace/identity/url.h"

#include <chrono>
#include <string>

namespace veilwire::forwarder {

struct WitnessSettings {
  identity::Url url;  // of the records; plain http for a loopback address alone
  TlsSettings tls;
  std::string key;                            // of the witness
  std::chrono::milliseconds timeout{30'000};  // for one request
};

// Throws host::ConfigError. The caller checks the section.
WitnessSettings read_witness_settings(const host::ConfigSection& section);

}  // namespace veilwire::forwarder
