// veilwire-identity: answers one question for the proxy, "who is this peer?", from the user
// database of the host.
#include "agent/host/confinement.h"
#include "agent/host/program.h"
#include "agent/identity/local_source.h"
#include "agent/identity/server.h"

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>

namespace {

using namespace veilwire;

struct Settings {
  host::DaemonSettings daemon;
  std::string proxy_user;
  agent_identity::LookupLimits limits;
};

Settings read_settings(const std::string& path) {
  const host::ConfigSection section = host::Config::load(path).section("identity");
  Settings s;
  s.proxy_user = section.text("proxy_user", "veilwire");
  s.daemon = host::read_daemon_settings(section, "identity", {s.proxy_user});
  s.limits.validity = std::chrono::seconds(section.integer("cache_seconds", 30, 1, 60));
  s.limits.patience = std::chrono::seconds(section.integer("patience_seconds", 10, 1, 60));
  s.limits.workers = static_cast<std::size_t>(section.integer("workers", 16, 1, 256));
  section.check();
  return s;
}

void serve(const Settings& settings, bool unconfined) {
  host::Daemon daemon(settings.daemon);
  const auto proxy = host::resolve_user(settings.proxy_user);
  // Directory servers are reached through SSSD, nslcd, winbind or systemd-userdbd, which listen on
  // local sockets.
  daemon.confine(unconfined);
  agent_identity::Server server({.listener = std::move(daemon.listener),
                                 .proxy_uid = proxy.uid,
                                 .status = std::move(daemon.status),
                                 .limits = settings.limits},
                                std::make_shared<agent_identity::LocalSource>());
  daemon.serve("answering questions on " + settings.daemon.socket,
               [&server](int stop) { server.run(stop); });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Answers the proxy's question who is behind a connection, from the users and groups of this "
      "host.\n"
      "Started by veilwire-identity.service; see veilwire-identity(8).",
      "veilwire-identity");
  host::DaemonOptions options;
  host::add_daemon_options(app, options, VEILWIRE_VERSION);
  return host::run_program(app, argc, argv, [&options]() -> int {
    serve(read_settings(options.config), options.unconfined);
    // A worker may be stuck in NSS: static destructors must not run under it.
    std::_Exit(0);
  });
}
