// A sink of kind "otlp", as its table says it:
//
//   endpoint = "https://collector.example:4318"   # /v1/logs is added
//   headers_file = "/etc/veilwire/otlp-headers"   # lines "Name: value", none
//   compression = "gzip"                          # or "none"
//   request_bytes = 4194304                       # before compression
//   timeout_seconds = 30                          # for one request
//
// and those of tls_files.h. Tested by tests/unit/forwarder/sink_settings_test.cpp.
#pragma once

#include "agent/forwarder/tls_files.h"
#include "agent/host/config.h"
#include "userspace/identity/url.h"
#include "userspace/projection/otlp.h"

#include <chrono>
#include <cstddef>
#include <string>

namespace veilwire::forwarder {

struct OtlpSettings {
  identity::Url url;  // of the logs; plain http for a loopback address alone
  TlsSettings tls;
  std::string headers_file;  // values may be secrets: as a key, nobody else can read it
  bool gzip = true;
  std::size_t request_bytes = projection::kOtlpRequest;
  std::chrono::milliseconds timeout{30'000};  // for one request
};

// Throws host::ConfigError. The caller checks the section.
OtlpSettings read_otlp_settings(const host::ConfigSection& section);

}  // namespace veilwire::forwarder
