// veilwire-witness: the collector's side of the proof. Takes the records of hosts, verifies that
// each host's log only grows, cosigns, and keeps them in the organisation's database.
#include "agent/host/confinement.h"
#include "agent/host/log.h"
#include "agent/host/notify.h"
#include "agent/host/program.h"
#include "agent/host/reload.h"
#include "agent/witness/commands.h"
#include "agent/witness/service.h"

#include <iostream>
#include <string>

#include <CLI/CLI.hpp>

namespace {

using namespace veilwire;

int serve(const std::string& config, const witness::Settings& settings, bool unconfined) {
  host::log::start("veilwire-witness", settings.log_level);
  const host::UniqueFd stop = host::stop_signals();
  const host::UniqueFd reload = host::reload_signal();
  if (!unconfined) host::confine({.user = settings.user, .keep_capabilities = {}});
  // Keys are read, and everything is served, with nothing left that could give them away.
  const proof::NoteSigner signer = witness::read_signer(settings);
  witness::Service service(settings);
  const host::ReloadThread reloads(reload.get(), [&config] {
    const std::string level = witness::read_settings(config).log_level;
    host::log::set_level(level);
    host::log::info("log_level is " + level);
  });
  host::notify("READY=1");
  service.run(signer, stop.get());
  host::notify("STOPPING=1");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Takes the records of hosts, verifies that their logs only grow, cosigns, and keeps them.\n"
      "Started by veilwire-witness.service; see veilwire-witness(8).",
      "veilwire-witness");
  std::string config = witness::kDefaultWitnessConfig;
  bool unconfined = false;
  app.add_option("--config", config, "the witness's configuration file")
      ->type_name("FILE")
      ->capture_default_str();
  app.add_flag("--unconfined", unconfined,
               "keep the user and the privileges of the caller: for tests only");
  app.set_version_flag("--version", app.get_name() + " " + VEILWIRE_VERSION);
  app.require_subcommand(0, 1);
  app.fallthrough();

  std::string owner, database, older_than = "5m", origin;
  witness::StoreRoles roles;
  bool json = false;
  const auto add_json = [&json](CLI::App* command) {
    command->add_flag("--json", json, "for programs");
    return command;
  };
  CLI::App* make_key = app.add_subcommand("make-key", "makes the key that cosigns, and shows it");
  make_key->add_option("--owner", owner, "of the file: a user or uid:gid (default: who runs this)")
      ->type_name("USER");
  CLI::App* key = app.add_subcommand("key", "shows the public key, as hosts and auditors need it");
  CLI::App* init =
      app.add_subcommand("init-store", "makes the tables, or brings them to this version");
  init->add_option("--database", database, "as another role than the service's (libpq)")
      ->type_name("CONNINFO");
  init->add_option("--writer", roles.writers, "a role that may serve; may be repeated")
      ->type_name("ROLE");
  init->add_option("--reader", roles.readers, "a role that may read; may be repeated")
      ->type_name("ROLE");
  CLI::App* logs = add_json(app.add_subcommand("logs", "lists all logs"));
  CLI::App* silent = add_json(
      app.add_subcommand("silent", "lists logs without a new checkpoint; exits with 4 for any"));
  silent->add_option("--older-than", older_than, "such as 90s, 5m, 12h")->capture_default_str();
  CLI::App* tampering = add_json(app.add_subcommand(
      "tampering", "lists what contradicts what hosts have sent before; exits with 4 for any"));
  CLI::App* verify = add_json(app.add_subcommand(
      "verify", "reads all records of a log again; exits with 4 when something does not hold"));
  verify->add_option("origin", origin, "of the log")->type_name("ORIGIN")->required();

  return host::run_program(app, argc, argv, [&]() -> int {
    const witness::Settings settings = witness::read_settings(config);
    if (make_key->parsed()) return witness::make_key(settings, owner, std::cout);
    if (key->parsed()) return witness::show_key(settings, std::cout);
    if (init->parsed()) return witness::init_store(settings, database, roles, std::cout);
    if (logs->parsed()) return witness::list_logs(settings, json, std::cout);
    if (silent->parsed()) return witness::list_silent(settings, older_than, json, std::cout);
    if (tampering->parsed()) return witness::list_tampering(settings, json, std::cout);
    if (verify->parsed()) return witness::verify_log(settings, origin, json, std::cout);
    return serve(config, settings, unconfined);
  });
}
