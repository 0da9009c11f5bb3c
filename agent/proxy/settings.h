// The proxy's table of agent.toml. All keys with their defaults:
//
//   [proxy]
//   user = "veilwire"             # name or "uid:gid"
//   policy = "/etc/veilwire/policy.toml"
//   site_key = "/var/lib/veilwire/site.key"
//   upstream_roots = "/etc/ssl/certs/ca-certificates.crt"
//   internal_ca = "/etc/veilwire/ca.pem"
//   signer_socket = "/run/veilwire-signer/signer.sock"
//   identity_socket = "/run/veilwire-identity/identity.sock"
//   credentials_socket = "/run/veilwire-credentials/credentials.sock"
//   recorder_socket = "/run/veilwire-recorder/recorder.sock"
//   redirector_socket = "/run/veilwire-redirector/redirector.sock"
//   status_socket = "/run/veilwire/proxy-status.sock"
//   live_socket = "/run/veilwire/proxy-live.sock"
//   status_readers = []           # users beside root who may ask at the two above
//   metrics_socket = "/run/veilwire/proxy-metrics.sock"
//   metrics_readers = ["veilwire-metrics"]  # users who may ask there; default: if there is one
//   threads = 0                   # 0: one a processor, at most 8; never more than 64
//   port = 0                      # of the loopback listeners; 0: any free one
//   held_memory_mib = 512         # for all bodies that are held at the same time
//   drain_seconds = 20            # for answers that are under way when it is told to stop
//   log_level = "info"
//
// Its manual page says what each means.
#pragma once

#include "agent/host/config.h"
#include "userspace/base/secret.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace veilwire::proxy {

struct Settings {
  std::string user;
  std::string policy;
  std::string site_key;
  std::string upstream_roots;
  std::string internal_ca;
  std::string signer_socket, identity_socket, credentials_socket, recorder_socket,
      redirector_socket, status_socket, live_socket, metrics_socket;
  std::vector<std::string> status_readers, metrics_readers;
  unsigned threads = 1;
  std::uint16_t port = 0;
  std::size_t held_memory = 0;  // bytes
  std::chrono::seconds drain{20};
  std::string log_level;
};

// Throws host::ConfigError.
Settings read_settings(const host::Config& config);

// Throws std::runtime_error, with what to do: the key is missing, too short, or readable by others.
Secret read_site_key(const std::string& path);

// The whole file; throws std::runtime_error.
std::string read_file(const std::string& path);

}  // namespace veilwire::proxy
