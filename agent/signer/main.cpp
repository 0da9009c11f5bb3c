// veilwire-signer: holds the key of the internal CA and answers one question for the proxy: a
// certificate for this name.
#include "agent/host/config.h"
#include "agent/host/confinement.h"
#include "agent/host/local_socket.h"
#include "agent/host/log.h"
#include "agent/host/notify.h"
#include "agent/signer/files.h"
#include "agent/signer/make_ca_command.h"
#include "agent/signer/server.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <system_error>

#include <CLI/CLI.hpp>
#include <sys/signalfd.h>

namespace {

using namespace veilwire;

struct Settings {
  std::string user, proxy_user, socket, status_socket, certificate, key, log_level;
  signer::IssuerOptions issuer;
};

Settings read_settings(const std::string& path) {
  const host::Config config = host::Config::load(path);
  const host::ConfigSection section = config.section("signer");
  Settings s;
  s.user = section.text("user", "veilwire-signer");
  s.proxy_user = section.text("proxy_user", "veilwire");
  s.socket = section.text("socket", "/run/veilwire-signer/signer.sock");
  s.status_socket = section.text("status_socket", "/run/veilwire-signer/signer-status.sock");
  s.certificate = section.text("certificate", "/etc/veilwire/ca.pem");
  s.key = section.text("key", "/var/lib/veilwire-signer/ca.key");
  s.log_level = section.text("log_level", "info");
  s.issuer.hosts = section.texts("hosts", {});
  s.issuer.validity = std::chrono::hours(section.integer("leaf_hours", 24, 1, 168));
  section.check();
  return s;
}

std::chrono::nanoseconds read_clock(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

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

wire::CertificateAuthority load_authority(const Settings& settings) {
  const std::string chain = signer::read_certificates(settings.certificate);
  const Secret key = signer::read_key(settings.key);
  auto authority = wire::CertificateAuthority::load(chain, key.reveal());
  if (!authority)
    throw std::runtime_error(settings.certificate + " and " + settings.key + ": " +
                             std::string(wire::to_string(authority.error())));
  return std::move(authority).value();
}

void serve(const Settings& settings, bool keep_user) {
  const host::UniqueFd stop = stop_signals();
  signer::ServerOptions options;
  options.proxy_uid = host::resolve_user(settings.proxy_user).uid;
  for (host::Inherited& inherited : host::take_inherited())
    if (inherited.name == "signer") options.listener = std::move(inherited.fd);
  // Everybody may connect; SO_PEERCRED decides who is answered.
  if (!options.listener) options.listener = host::listen_local(settings.socket, 0666);
  if (!settings.status_socket.empty())
    options.status = std::make_unique<host::protocol::StatusSocket>(settings.status_socket, 0600);

  host::Confinement confinement;
  confinement.forbid_network = true;
  if (!keep_user) {
    if (host::resolve_user(settings.user).uid == 0)
      throw std::runtime_error("[signer] user must not be root: root can do without this program");
    confinement.user = settings.user;
  }
  host::confine(confinement);

  // Only now, with nothing left that could give it away, is the key read.
  const Now now{{read_clock(CLOCK_MONOTONIC)}, {read_clock(CLOCK_REALTIME)}};
  signer::Server server(
      std::move(options),
      signer::Issuer(load_authority(settings), settings.issuer, crypto::system_random(), now));
  host::log::info("answering requests on " + settings.socket);
  host::notify("READY=1");
  server.run(stop.get());
  host::notify("STOPPING=1");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Holds the key of the internal CA and gives the proxy certificates for intercepted hosts.\n"
      "Started by veilwire-signer.service; see veilwire-signer(8).",
      "veilwire-signer");
  std::string config = host::kDefaultConfig;
  bool keep_user = false;
  app.add_option("--config", config, "configuration file; this program reads its [signer] table")
      ->type_name("FILE")
      ->capture_default_str();
  app.add_flag("--keep-user", keep_user,
               "for tests: run as the user that started it instead of the configured one");
  app.set_version_flag("--version", "veilwire-signer " VEILWIRE_VERSION);

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
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  try {
    if (make_ca->parsed()) {
      std::cout << signer::make_ca_files(request, {read_clock(CLOCK_REALTIME)});
      return 0;
    }
    const Settings settings = read_settings(config);
    host::log::start("veilwire-signer", settings.log_level);
    serve(settings, keep_user);
    // The key has been wiped with the server. A leak checker at exit would want ptrace, which is
    // forbidden by now.
    std::_Exit(0);
  } catch (const std::exception& e) {
    std::cerr << "veilwire-signer: " << e.what() << '\n';
    return 1;
  }
  return 0;
}
