// veilwire-identity: answers one question for the proxy, "who is this peer?", from the user
// database of the host.
#include "agent/host/config.h"
#include "agent/host/confinement.h"
#include "agent/host/local_socket.h"
#include "agent/host/log.h"
#include "agent/host/notify.h"
#include "agent/identity/local_source.h"
#include "agent/identity/server.h"

#include <csignal>
#include <exception>
#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <sys/signalfd.h>

namespace {

using namespace veilwire;

struct Settings {
  std::string user, proxy_user, socket, status_socket, log_level;
  agent_identity::LookupLimits limits;
};

Settings read_settings(const std::string& path) {
  const host::Config config = host::Config::load(path);
  const host::ConfigSection section = config.section("identity");
  Settings s;
  s.user = section.text("user", "veilwire-identity");
  s.proxy_user = section.text("proxy_user", "veilwire");
  s.socket = section.text("socket", "/run/veilwire-identity/identity.sock");
  s.status_socket = section.text("status_socket", "/run/veilwire-identity/identity-status.sock");
  s.log_level = section.text("log_level", "info");
  s.limits.validity = std::chrono::seconds(section.integer("cache_seconds", 30, 1, 60));
  s.limits.patience = std::chrono::seconds(section.integer("patience_seconds", 10, 1, 60));
  s.limits.workers = static_cast<std::size_t>(section.integer("workers", 16, 1, 256));
  section.check();
  return s;
}

// Blocked before the first thread exists, so that every thread inherits the mask and the signal
// comes to the loop.
host::UniqueFd stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  if (::sigprocmask(SIG_BLOCK, &signals, nullptr) != 0)
    throw std::system_error(errno, std::generic_category(), "sigprocmask");
  host::UniqueFd fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) throw std::system_error(errno, std::generic_category(), "signalfd");
  return fd;
}

void serve(const Settings& settings) {
  const host::UniqueFd stop = stop_signals();
  agent_identity::ServerOptions options;
  options.proxy_uid = host::resolve_user(settings.proxy_user).uid;
  options.limits = settings.limits;
  // A socket that the service manager holds keeps questions while this program restarts.
  for (host::Inherited& inherited : host::take_inherited())
    if (inherited.name == "identity") options.listener = std::move(inherited.fd);
  // The kernel lets root or the socket's owner connect to 0600; 0666 leaves the decision to
  // SO_PEERCRED.
  if (!options.listener) options.listener = host::listen_local(settings.socket, 0666);
  if (!settings.status_socket.empty())
    options.status = std::make_unique<host::protocol::StatusSocket>(settings.status_socket, 0600);

  // Directory servers are reached through SSSD, nslcd, winbind or systemd-userdbd, which listen on
  // local sockets.
  host::Confinement confinement;
  confinement.user = settings.user;
  confinement.forbid_network = true;
  host::confine(confinement);

  agent_identity::Server server(std::move(options),
                                std::make_shared<agent_identity::LocalSource>());
  host::log::info("answering questions on " + settings.socket);
  host::notify("READY=1");
  server.run(stop.get());
  host::notify("STOPPING=1");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Answers the proxy's question who is behind a connection, from the users and groups of this "
      "host.\n"
      "Started by veilwire-identity.service; see veilwire-identity(8).",
      "veilwire-identity");
  std::string config = host::kDefaultConfig;
  app.add_option("--config", config, "configuration file; this program reads its [identity] table")
      ->type_name("FILE")
      ->capture_default_str();
  app.set_version_flag("--version", "veilwire-identity " VEILWIRE_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  try {
    const Settings settings = read_settings(config);
    host::log::start("veilwire-identity", settings.log_level);
    serve(settings);
  } catch (const std::exception& e) {
    std::cerr << "veilwire-identity: " << e.what() << '\n';
    return 1;
  }
  // A worker may be stuck in NSS: static destructors must not run under it.
  std::_Exit(0);
}
