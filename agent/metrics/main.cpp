// veilwire-metrics: serves what the agent's programs count, on a port of loopback. Holds nothing;
// what it may ask for names no person.
#include "agent/host/config.h"
#include "agent/host/confinement.h"
#include "agent/host/log.h"
#include "agent/host/notify.h"
#include "agent/host/program.h"
#include "agent/metrics/server.h"

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

namespace {

using namespace veilwire;

struct Address {
  std::string ip;
  std::uint16_t port = 0;
};

// "127.0.0.1:9469", "[::1]:9469"
std::optional<Address> parse_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view ip = text.substr(0, colon), port = text.substr(colon + 1);
  Address address;
  if (ip == "127.0.0.1") address.ip = ip;
  if (ip == "[::1]") address.ip = "::1";
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (address.ip.empty() || error != std::errc{} || end != port.data() + port.size() ||
      address.port == 0)
    return std::nullopt;
  return address;
}

struct Settings {
  std::string user, log_level;
  Address address;
};

Settings read_settings(const std::string& path) {
  const host::ConfigSection section = host::Config::load(path).section("metrics");
  Settings s;
  s.user = section.text("user", "veilwire-metrics");
  s.log_level = section.text("log_level", "info");
  const auto address = parse_address(section.text("listen", "127.0.0.1:9469"));
  if (!address) section.refuse("listen", "must be 127.0.0.1:PORT or [::1]:PORT");
  s.address = *address;
  section.check();
  return s;
}

void serve(const std::string& config, bool unconfined) {
  const Settings settings = read_settings(config);
  host::log::start("veilwire-metrics", settings.log_level);
  const host::UniqueFd stop = host::stop_signals();
  metrics::Server server(metrics::read_places(config), VEILWIRE_VERSION);
  if (!unconfined) host::confine({.user = settings.user, .keep_capabilities = {}});
  witness::HttpsServerOptions options;
  options.address = settings.address.ip;
  options.port = settings.address.port;
  options.threads = 1;  // so that one request at a time asks
  witness::HttpsServer http(
      options, [&server](const witness::Asked& asked) { return server.answer(asked); });
  host::log::info("serving on " + settings.address.ip + " port " + std::to_string(http.port()));
  host::notify("READY=1");
  http.run(stop.get());
  host::notify("STOPPING=1");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Serves what the agent counts to Prometheus: GET /metrics on a port of loopback.\n"
      "Started by veilwire-metrics.service; see veilwire-metrics(8).",
      "veilwire-metrics");
  host::DaemonOptions options;
  host::add_daemon_options(app, options, VEILWIRE_VERSION);
  return host::run_program(app, argc, argv, [&options] {
    serve(options.config, options.unconfined);
    return 0;
  });
}
