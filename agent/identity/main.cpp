// veilwire-identity: answers one question for the proxy, "who is this peer?", from the user
// database of the host or from who has signed in at an identity provider.
#include "agent/host/confinement.h"
#include "agent/host/host_ids.h"
#include "agent/host/local_socket.h"
#include "agent/host/log.h"
#include "agent/host/program.h"
#include "agent/identity/local_source.h"
#include "agent/identity/oidc_server.h"
#include "agent/identity/server.h"
#include "agent/identity/wiping_heap.h"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>
#include <sys/socket.h>

namespace {

using namespace veilwire;

struct Settings {
  host::DaemonSettings daemon;
  std::string proxy_user;
  agent_identity::LookupLimits limits;
  std::optional<agent_identity::OidcSettings> people;  // who sign in
};

Settings read_settings(const std::string& path) {
  const host::ConfigSection section = host::Config::load(path).section("identity");
  Settings s;
  s.proxy_user = section.text("proxy_user", "veilwire");
  s.daemon = host::read_daemon_settings(section, "identity", {s.proxy_user});
  const std::string provider = section.text("provider", "local");
  if (provider == "oidc") {
    s.people = agent_identity::read_oidc_settings(section);
  } else if (provider == "saml") {
    s.people = agent_identity::read_saml_settings(section);
  } else if (provider == "local") {
    s.limits.validity = std::chrono::seconds(section.integer("cache_seconds", 30, 1, 60));
    s.limits.patience = std::chrono::seconds(section.integer("patience_seconds", 10, 1, 60));
    s.limits.workers = static_cast<std::size_t>(section.integer("workers", 16, 1, 256));
  } else {
    section.refuse("provider", "must be \"local\", \"oidc\" or \"saml\"");
  }
  section.check();
  return s;
}

// The unit forbids it, as the user database needs none.
void require_network() {
  const host::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd && errno == EAFNOSUPPORT)
    throw std::runtime_error(
        "an identity provider needs the network, which the unit forbids; install the drop-in that "
        "veilwire-identity(8) names, then: systemctl daemon-reload");
}

void serve_local(const Settings& settings, host::Daemon& daemon, bool unconfined, uid_t proxy) {
  // Directory servers are reached through SSSD, nslcd, winbind or systemd-userdbd, which listen on
  // local sockets.
  daemon.confine(unconfined);
  agent_identity::Server server({.listener = std::move(daemon.listener),
                                 .proxy_uid = proxy,
                                 .status = std::move(daemon.status),
                                 .limits = settings.limits},
                                std::make_shared<agent_identity::LocalSource>());
  daemon.serve("answering questions on " + settings.daemon.socket,
               [&server](int stop) { server.run(stop); });
}

void serve_people(const Settings& settings, host::Daemon& daemon, bool unconfined, uid_t proxy) {
  const auto boot = identity::parse_boot_id(host::read_host_ids().boot_uuid());
  if (!boot) throw std::runtime_error("the boot id of the kernel is not one");
  host::UniqueFd people = host::listen_local(settings.people->people_socket, 0666);
  if (needs_network(*settings.people)) {
    require_network();
    if (!unconfined && !host::lock_memory())
      host::log::warning(
          "its memory, and tokens with it, may be written to swap: give its unit "
          "LimitMEMLOCK=infinity, as the drop-in that veilwire-identity(8) names has");
    daemon.confine(unconfined, host::Daemon::Network::Needed);
  } else {
    daemon.confine(unconfined);
  }
  agent_identity::OidcServer server({.listener = std::move(daemon.listener),
                                     .people = std::move(people),
                                     .proxy_uid = proxy,
                                     .status = std::move(daemon.status),
                                     .settings = *settings.people,
                                     .boot = *boot});
  daemon.serve("answering questions on " + settings.daemon.socket + ", and people on " +
                   settings.people->people_socket,
               [&server](int stop) { server.run(stop); });
}

void serve(const Settings& settings, bool unconfined) {
  host::Daemon daemon(settings.daemon);
  const uid_t proxy = host::resolve_user(settings.proxy_user).uid;
  if (settings.people)
    serve_people(settings, daemon, unconfined, proxy);
  else
    serve_local(settings, daemon, unconfined, proxy);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Answers the proxy's question who is behind a connection, from the users and groups of this "
      "host\nor from who has signed in at an identity provider.\n"
      "Started by veilwire-identity.service; see veilwire-identity(8).",
      "veilwire-identity");
  host::DaemonOptions options;
  host::add_daemon_options(app, options, VEILWIRE_VERSION);
  return host::run_program(app, argc, argv, [&options]() -> int {
    agent_identity::use_wiping_heap();
    serve(read_settings(options.config), options.unconfined);
    // A worker may be stuck in NSS: static destructors must not run under it.
    std::_Exit(0);
  });
}
