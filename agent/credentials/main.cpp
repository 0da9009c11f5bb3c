// veilwire-credentials: holds the organisation's credentials for hosts and answers one question for
// the proxy: the credential of this name.
#include "agent/credentials/server.h"
#include "agent/credentials/settings.h"
#include "agent/host/confinement.h"
#include "agent/host/log.h"
#include "agent/host/program.h"

#include <cstdlib>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>

namespace {

using namespace veilwire;

void serve(credentials::Settings settings, bool unconfined) {
  host::Daemon daemon(settings.daemon);
  credentials::ServerOptions options;
  options.listener = std::move(daemon.listener);
  options.status = std::move(daemon.status);
  options.proxy_uid = host::resolve_user(settings.proxy_user).uid;
  if (!unconfined && !host::lock_memory())
    host::log::warning(
        "its memory may be written to swap: give its unit LimitMEMLOCK=infinity, as the one that "
        "is installed has");
  daemon.confine(unconfined, {.user = {},
                              .keep_capabilities = {},
                              .forbid_network = !settings.network && !settings.programs,
                              .starts_programs = settings.programs});
  // Only from here on, with nothing left that could give it away, is a credential read.
  credentials::Server server(std::move(options), std::move(settings.sources));
  daemon.serve("answering questions on " + settings.daemon.socket,
               [&server](int stop) { server.run(stop); });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Holds the organisation's credentials for hosts and gives them to the proxy, by name.\n"
      "Started by veilwire-credentials.service; see veilwire-credentials(8).",
      "veilwire-credentials");
  host::DaemonOptions options;
  host::add_daemon_options(app, options, VEILWIRE_VERSION);
  return host::run_program(app, argc, argv, [&options]() -> int {
    serve(credentials::read_settings(host::Config::load(options.config).section("credentials")),
          options.unconfined);
    // What was held has been wiped with the server. A source may still be asked: static
    // destructors must not run under it.
    std::_Exit(0);
  });
}
