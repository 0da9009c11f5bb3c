#include "agent/proxy/settings.h"

#include "agent/host/local_access.h"
#include "agent/host/proxy_connections.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include <sys/stat.h>

namespace veilwire::proxy {
namespace {

// A shorter key could be found by trying, and with it the short secrets behind the digests.
constexpr std::size_t kShortestKey = 32;

}  // namespace

Settings read_settings(const host::Config& config) {
  const host::ConfigSection section = config.section("proxy");
  Settings s;
  s.user = section.text("user", "veilwire");
  s.policy = section.text("policy", "/etc/veilwire/policy.toml");
  s.site_key = section.text("site_key", "/var/lib/veilwire/site.key");
  s.upstream_roots = section.text("upstream_roots", "/etc/ssl/certs/ca-certificates.crt");
  s.internal_ca = section.text("internal_ca", "/etc/veilwire/ca.pem");
  s.signer_socket = section.text("signer_socket", "/run/veilwire-signer/signer.sock");
  s.identity_socket = section.text("identity_socket", "/run/veilwire-identity/identity.sock");
  s.credentials_socket =
      section.text("credentials_socket", "/run/veilwire-credentials/credentials.sock");
  s.recorder_socket = section.text("recorder_socket", "/run/veilwire-recorder/recorder.sock");
  s.redirector_socket =
      section.text("redirector_socket", "/run/veilwire-redirector/redirector.sock");
  s.status_socket = section.text("status_socket", "/run/veilwire/proxy-status.sock");
  s.live_socket = section.text("live_socket", "/run/veilwire/proxy-live.sock");
  s.metrics_socket = section.text("metrics_socket", "/run/veilwire/proxy-metrics.sock");
  s.status_readers = section.texts("status_readers", {});
  s.metrics_readers = section.texts("metrics_readers", host::default_status_readers());
  const auto threads =
      static_cast<unsigned>(section.integer("threads", 0, 0, host::kMostProxyThreads));
  s.threads = threads != 0 ? threads : std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
  s.port = static_cast<std::uint16_t>(section.integer("port", 0, 0, 65535));
  s.held_memory = static_cast<std::size_t>(section.integer("held_memory_mib", 512, 16, 1 << 20))
                  << 20;
  s.drain = std::chrono::seconds(section.integer("drain_seconds", s.drain.count(), 0, 60));
  s.log_level = section.text("log_level", "info");
  section.check();
  return s;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error(path + ": " + std::strerror(errno));
  return {std::istreambuf_iterator<char>(in), {}};
}

Secret read_site_key(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    throw std::runtime_error(path + ": " + std::strerror(errno) +
                             "; make it with: head -c 32 /dev/urandom > " + path +
                             " (mode 0400, the proxy's user)");
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    throw std::runtime_error(path + ": others may read it; use mode 0400");
  std::string bytes = read_file(path);
  if (bytes.size() < kShortestKey)
    throw std::runtime_error(path + ": shorter than " + std::to_string(kShortestKey) + " bytes");
  return Secret(std::move(bytes));
}

}  // namespace veilwire::proxy
