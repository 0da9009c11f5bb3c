// veilwire-signer: holds the key of the internal CA and answers one question for the proxy: a
// certificate for this name.
#include "agent/host/clock.h"
#include "agent/host/confinement.h"
#include "agent/host/program.h"
#include "agent/host/protocol/status.h"
#include "agent/signer/authorities.h"
#include "agent/signer/make_ca_command.h"
#include "agent/signer/rotation.h"
#include "agent/signer/server.h"

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>

namespace {

using namespace veilwire;

struct Settings {
  host::DaemonSettings daemon;
  std::string proxy_user;
  signer::AuthorityFiles files;
  signer::IssuerOptions issuer;
};

Settings read_settings(const std::string& path) {
  const host::ConfigSection section = host::Config::load(path).section("signer");
  Settings s;
  s.proxy_user = section.text("proxy_user", "veilwire");
  s.daemon = host::read_daemon_settings(section, "signer", {s.proxy_user});
  s.files.certificate = section.text("certificate", "/etc/veilwire/ca.pem");
  s.files.key = section.text("key", "/var/lib/veilwire-signer/ca.key");
  s.issuer.hosts = section.texts("hosts", {});
  s.issuer.validity = std::chrono::hours(section.integer("leaf_hours", 24, 1, 168));
  section.check();
  return s;
}

void serve(const Settings& settings, bool unconfined) {
  host::Daemon daemon(settings.daemon);
  signer::ServerOptions options;
  options.listener = std::move(daemon.listener);
  options.status = std::move(daemon.status);
  options.proxy_uid = host::resolve_user(settings.proxy_user).uid;
  daemon.confine(unconfined);
  // Only now, with nothing left that could give it away, is the key read.
  signer::Server server(std::move(options), signer::load_authorities(settings.files),
                        settings.issuer);
  daemon.serve(
      "answering requests on " + settings.daemon.socket, [&server](int stop) { server.run(stop); },
      [&server, &settings] { server.replace(signer::load_authorities(settings.files)); });
}

// What the running one signs with; "": none runs, or it is not for us to ask.
std::string in_force(const Settings& settings) {
  constexpr int kPatienceMs = 3000;
  constexpr std::string_view kMember = R"("ca_sha256":")";
  const auto status = host::protocol::ask_status(settings.daemon.status_socket, kPatienceMs);
  const std::size_t at = status ? status->find(kMember) : std::string::npos;
  if (at == std::string::npos) return {};
  const std::size_t begin = at + kMember.size();
  return status->substr(begin, status->find('"', begin) - begin);
}

int usage(const CLI::App& app, const std::string& what) {
  std::cerr << app.get_name() << ": " << what << '\n';
  return 2;
}

void add_new_authority(CLI::App& command, signer::AuthorityWish& wish, bool required) {
  CLI::Option* host = command.add_option(
      "--host", wish.hosts, "an intercepted host: a name, or \"*.example.com\"; may be repeated");
  host->type_name("NAME");
  if (required) host->required();
  command.add_option("--label", wish.label, "of this generation (default: the day)");
  command.add_option("--days", wish.days, "of validity")
      ->check(CLI::Range(1, 3650))
      ->capture_default_str();
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
  add_new_authority(*make_ca, request.authority, true);
  make_ca
      ->add_option("--owner", request.owner,
                   "of the key: a user or uid:gid (default: who runs this)")
      ->type_name("USER");

  signer::AddCaRequest added;
  CLI::App* add_ca =
      app.add_subcommand("add-ca", "puts another CA beside the one in use, which goes on signing");
  add_new_authority(*add_ca, added.authority, false);
  CLI::Option* certificate =
      add_ca->add_option("--certificate", added.certificate, "of one that is imported, its chain")
          ->type_name("FILE");
  CLI::Option* key =
      add_ca->add_option("--key", added.key, "of one that is imported")->type_name("FILE");
  certificate->needs(key);
  key->needs(certificate);
  CLI::App* switch_ca = app.add_subcommand(
      "switch-ca", "the other CA signs once the signer is reloaded; a second time: back");
  CLI::App* drop_ca = app.add_subcommand("drop-ca", "removes the CA that is not in use");
  CLI::App* show_ca = app.add_subcommand("show-ca", "writes the certificate that clients trust");
  bool other = false;
  show_ca->add_flag("--other", other, "of the CA that is not in use");
  return host::run_program(app, argc, argv, [&]() -> int {
    if (make_ca->parsed()) {
      std::cout << signer::make_ca_files(request, host::now().wall);
      return 0;
    }
    const Settings settings = read_settings(options.config);
    if (add_ca->parsed()) {
      if (added.authority.hosts.empty() == added.certificate.empty())
        return usage(app, "add-ca: name the hosts of a new CA with --host, or give --certificate");
      std::cout << signer::add_ca(settings.files, added, host::now().wall);
      return 0;
    }
    if (switch_ca->parsed()) {
      std::cout << signer::switch_ca(settings.files, host::now().wall);
      return 0;
    }
    if (drop_ca->parsed()) {
      std::cout << signer::drop_ca(settings.files, in_force(settings));
      return 0;
    }
    if (show_ca->parsed()) {
      std::cout << signer::anchor_of(settings.files, other);
      return 0;
    }
    serve(settings, options.unconfined);
    // The key has been wiped with the server. A leak checker at exit would want ptrace, which is
    // forbidden by now.
    std::_Exit(0);
  });
}
