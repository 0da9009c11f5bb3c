#include "agent/host/program.h"

#include "agent/host/local_access.h"
#include "agent/host/local_socket.h"
#include "agent/host/log.h"
#include "agent/host/notify.h"
#include "agent/host/reload.h"

#include <cerrno>
#include <csignal>
#include <exception>
#include <iostream>
#include <set>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <CLI/CLI.hpp>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace veilwire::host {
namespace {

std::string run_file(const std::string& program, const char* ending) {
  return "/run/veilwire-" + program + "/" + program + ending;
}

UniqueFd listen_for(const std::string& path, const std::set<uid_t>& users) {
  UniqueFd listener = listen_local(path, 0600);
  const auto admitted = let_connect(path, users);
  if (admitted) return listener;
  if (admitted.error() != EOPNOTSUPP)
    throw std::system_error(admitted.error(), std::generic_category(), path);
  // SO_PEERCRED still says who is answered.
  log::warning(path + ": its file system has no access control lists: any user can connect, and " +
               "is refused here");
  if (::chmod(path.c_str(), 0666) != 0)
    throw std::system_error(errno, std::generic_category(), path);
  return listener;
}

}  // namespace

int run_program(CLI::App& app, int argc, const char* const* argv,
                const std::function<int()>& work) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  try {
    return work();
  } catch (const std::exception& e) {
    std::cerr << app.get_name() << ": " << e.what() << '\n';
    return 1;
  }
}

UniqueFd stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  if (::sigprocmask(SIG_BLOCK, &signals, nullptr) != 0)
    throw std::system_error(errno, std::generic_category(), "sigprocmask");
  UniqueFd fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) throw std::system_error(errno, std::generic_category(), "signalfd");
  return fd;
}

void read_log_level_again(const std::string& config, const std::string& table) {
  const std::string level = Config::load(config).section(table).text("log_level", "info");
  log::set_level(level);
  log::info("log_level is " + level);
}

void add_daemon_options(CLI::App& app, DaemonOptions& options, const std::string& version) {
  app.add_option("--config", options.config, "the agent's configuration file")
      ->type_name("FILE")
      ->capture_default_str();
  app.add_flag("--unconfined", options.unconfined,
               "keep the user and the privileges of the caller: for tests only");
  app.set_version_flag("--version", app.get_name() + " " + version);
}

DaemonSettings read_program_settings(const ConfigSection& section, const std::string& name) {
  return {.name = name,
          .user = section.text("user", "veilwire-" + name),
          .socket = "",
          .status_socket = section.text("status_socket", run_file(name, "-status.sock")),
          .log_level = section.text("log_level", "info"),
          .callers = {},
          .status_readers = section.texts("status_readers", default_status_readers()),
          .config = section.file()};
}

DaemonSettings read_daemon_settings(const ConfigSection& section, const std::string& name,
                                    std::vector<std::string> callers) {
  DaemonSettings settings = read_program_settings(section, name);
  settings.socket = section.text("socket", run_file(name, ".sock"));
  settings.callers = std::move(callers);
  return settings;
}

Daemon::Daemon(DaemonSettings settings) : settings_(std::move(settings)) {
  log::start("veilwire-" + settings_.name, settings_.log_level);
  stop_ = stop_signals();
  reload_ = reload_signal();
  inherited_ = take_inherited();
  std::set<uid_t> callers;
  for (const std::string& caller : settings_.callers) callers.insert(resolve_user(caller).uid);
  if (!settings_.socket.empty()) listener = listen(settings_.name, settings_.socket, callers);
  if (!settings_.status_socket.empty())
    status = std::make_unique<protocol::StatusSocket>(settings_.status_socket, 0600);
  if (status) let_ask(settings_.status_socket, settings_.status_readers);
}

UniqueFd Daemon::listen(const std::string& name, const std::string& path,
                        const std::set<uid_t>& users) {
  for (Inherited& inherited : inherited_)
    if (inherited.name == name && inherited.fd) return std::move(inherited.fd);
  return listen_for(path, users);
}

void Daemon::confine(bool unconfined, Network network) const {
  if (unconfined) return;
  host::confine({.user = settings_.user,
                 .keep_capabilities = {},
                 .forbid_network = network == Network::Forbidden});
}

void Daemon::confine(bool unconfined, Confinement confinement) const {
  if (unconfined) return;
  confinement.user = settings_.user;
  host::confine(confinement);
}

void Daemon::serve(const std::string& doing, const std::function<void(int stop)>& run,
                   const std::function<void()>& reload) const {
  const ReloadThread reloads(reload_.get(), [&] {
    if (!settings_.config.empty()) read_log_level_again(settings_.config, settings_.name);
    if (reload) reload();
  });
  log::info(doing);
  notify("READY=1");
  run(stop_.get());
  notify("STOPPING=1");
}

}  // namespace veilwire::host
