// veilwire-saml: reads what a SAML 2.0 IdP sends, for veilwire-identity, so that nobody else has to
// read hostile XML. It has no network: the browser of who signs in carries every message.
#include "agent/host/confinement.h"
#include "agent/host/program.h"
#include "agent/saml/idp.h"
#include "agent/saml/server.h"
#include "agent/saml/settings.h"
#include "userspace/crypto/random.h"

#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>

namespace {

using namespace veilwire;

void serve(const saml::Settings& settings, bool unconfined) {
  host::Daemon daemon(settings.daemon);
  saml::ServerOptions options;
  options.listener = std::move(daemon.listener);
  options.status = std::move(daemon.status);
  options.identity_uid = host::resolve_user(settings.identity_user).uid;
  daemon.confine(unconfined);
  saml::start_libraries();
  saml::Server server(
      std::move(options),
      saml::Service(settings.sp, saml::read_metadata(settings.metadata), crypto::system_random()));
  daemon.serve("answering questions on " + settings.daemon.socket,
               [&server](int stop) { server.run(stop); });
}

int check(const saml::Settings& settings) {
  const saml::Idp idp = saml::read_idp(saml::read_metadata(settings.metadata));
  std::cout << "identity provider  " << idp.entity_id << '\n'
            << "sign-in            " << idp.sign_in << '\n';
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Makes requests to a SAML 2.0 IdP and reads its responses, for veilwire-identity.\n"
      "Started by veilwire-saml.service; see veilwire-saml(8).",
      "veilwire-saml");
  host::DaemonOptions options;
  host::add_daemon_options(app, options, VEILWIRE_VERSION);
  const CLI::App* checks = app.add_subcommand(
      "check", "Reads the configuration and the IdP's metadata, says who that is, and ends.");
  return host::run_program(app, argc, argv, [&options, checks]() -> int {
    if (checks->parsed()) return check(saml::read_settings(options.config));
    serve(saml::read_settings(options.config), options.unconfined);
    // A leak checker at exit would want ptrace, which is forbidden by now.
    std::_Exit(0);
  });
}
