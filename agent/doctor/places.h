// Where `veilwire doctor` looks: what the configuration says, and where distributions and clients
// keep things. All of it is data, so that tests look elsewhere. Tested by
// tests/unit/doctor/places_test.cpp.
#pragma once

#include "agent/ctl/status.h"
#include "agent/doctor/files_check.h"

#include <cstdint>
#include <string>
#include <vector>

namespace veilwire::doctor {

struct Places {
  bool root = false;           // who looks may see everything
  std::string program_folder;  // where our programs are
  std::string config;          // "": none, and the defaults hold
  ctl::StatusPlaces status;

  // [redirector]
  std::string cgroup, pin_directory;
  std::vector<std::string> names, paths, arguments;  // of clients
  // [signer], [proxy]
  std::string certificate, signer_socket, proxy_user;
  // [identity]
  std::string provider, issuer, roots;
  // [metrics]
  std::string metrics_listen;
  // [recorder], [forwarder]
  std::string ledger;
  std::uint64_t reserved_bytes = 0;
  std::vector<std::string> sinks;

  std::vector<FileFacts> files;  // with what is expected of each; rule packs come with the policy

  std::vector<std::string> bundles = {"/etc/ssl/certs/ca-certificates.crt",
                                      "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"};
  std::vector<std::string> homes;
  std::vector<std::string> node_modules = {"/usr/lib/node_modules", "/usr/local/lib/node_modules"};
  std::string managed_settings = "/etc/claude-code";
  std::string units = "/run/systemd/system";  // is there where systemd runs
  std::string systemctl;                      // "": the system's
  std::vector<std::string> unit_folders = {"/usr/lib/systemd/system", "/lib/systemd/system",
                                           "/usr/local/lib/systemd/system"};
};

// Throws host::ConfigError.
Places find_places(const std::string& config, bool config_given, const std::string& program_folder);

}  // namespace veilwire::doctor
