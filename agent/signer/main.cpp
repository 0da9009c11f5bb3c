// veilwire-signer: holds the key of the internal CA and answers one question for the proxy: a
// certificate for this name.
#include "agent/host/clock.h"
#include "agent/host/confinement.h"
#include "agent/host/key_files.h"
#include "agent/host/program.h"
#include "agent/signer/make_ca_command.h"
#include "agent/signer/server.h"

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>

namespace {

using namespace veilwire;

struct Settings {
  host::DaemonSettings daemon;
  std::string proxy_user, certificate, key;
  signer::IssuerOptions issuer;
};

Settings read_settings(const std::string& path) {
  const host::ConfigSection section = host::Config::load(path).section("signer");
  Settings s;
  s.proxy_user = section.text("proxy_user", "veilwire");
  s.daemon = host::read_daemon_settings(section, "signer", {s.proxy_user});
  s.certificate = section.text("certificate", "/etc/veilwire/ca.pem");
  s.key = section.text("key", "/var/lib/veilwire-signer/ca.key");
  s.issuer.hosts = section.texts("hosts", {});
  s.issuer.validity = std::chrono::hours(section.integer("leaf_hours", 24, 1, 168));
  section.check();
  return s;
}

wire::CertificateAuthority load_authority(const Settings& settings) {
  const std::string chain = host::read_certificates(settings.certificate);
  const Secret key = host::read_key(settings.key);
  auto authority = wire::CertificateAuthority::load(chain, key.reveal());
  if (!authority)
    throw std::runtime_error(settings.certificate + " and " + settings.key + ": " +
                             std::string(wire::to_string(authority.error())));
  return std::move(authority).value();
}

void serve(const Settings& settings, bool unconfined) {
  host::Daemon daemon(settings.daemon);
  signer::ServerOptions options;
  options.listener = std::move(daemon.listener);
  options.status = std::move(daemon.status);
  options.proxy_uid = host::resolve_user(settings.proxy_user).uid;
  daemon.confine(unconfined);
  // Only now, with nothing left that could give it away, is the key read.
  signer::Server server(std::move(options),
                        signer::Issuer(load_authority(settings), settings.issuer,
                                       crypto::system_random(), host::now()));
  daemon.serve("answering requests on " + settings.daemon.socket,
               [&server](int stop) { server.run(stop); });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Holds the key of the internal CA and gives the proxy certificates for intercepted hosts.\n"
      "Started by veilwire-signer.service; see veilwire-signer(8).",
      "veilwire-signer");
  host::DaemonOptions options;
  host::add_daemon_options(app, options, VEILWIRE_VERSION);

  signer::MakeCaRequest request;
  CLI::App* make_ca = app.add_subcommand(
      "make-ca",
      "makes a new CA that is constrained to the given hosts: DIR/ca.pem and DIR/ca.key");
  make_ca->add_option("--out-dir", request.folder, "where ca.pem is written, and ca.key")
      ->type_name("DIR")
      ->required();
  make_ca->add_option("--key-dir", request.key_folder, "where ca.key is written instead")
      ->type_name("DIR");
  make_ca
      ->add_option("--host", request.hosts,
                   "an intercepted host: a name, or \"*.example.com\"; may be repeated")
      ->type_name("NAME")
      ->required();
  make_ca->add_option("--label", request.label, "of this generation (default: the day)");
  make_ca->add_option("--days", request.days, "of validity")
      ->check(CLI::Range(1, 3650))
      ->capture_default_str();
  make_ca
      ->add_option("--owner", request.owner,
                   "of the key: a user or uid:gid (default: who runs this)")
      ->type_name("USER");
  return host::run_program(app, argc, argv, [&]() -> int {
    if (make_ca->parsed()) {
      std::cout << signer::make_ca_files(request, host::now().wall);
      return 0;
    }
    serve(read_settings(options.config), options.unconfined);
    // The key has been wiped with the server. A leak checker at exit would want ptrace, which is
    // forbidden by now.
    std::_Exit(0);
  });
}
