// veilwire-redirector: run, detach, status, probe. Options in, exit code out; everything else is
// the library's. Tested by tests/bpf/program_test.cpp.
#include "agent/host/config.h"
#include "agent/host/confinement.h"
#include "agent/host/local_access.h"
#include "agent/host/local_socket.h"
#include "agent/host/log.h"
#include "agent/host/notify.h"
#include "agent/host/program.h"
#include "agent/host/reload.h"
#include "agent/redirector/detach.h"
#include "agent/redirector/probe.h"
#include "agent/redirector/redirector.h"
#include "agent/redirector/status.h"

#include <cerrno>
#include <iostream>
#include <memory>
#include <string>
#include <system_error>

#include <CLI/CLI.hpp>
#include <linux/capability.h>
#include <unistd.h>

namespace {

using namespace veilwire;

struct Options {
  std::string config = host::kDefaultConfig;
  std::string pin_directory;
  std::string cgroup;
  bool json = false;
};

redirector::Settings settings_of(const Options& options) {
  redirector::Settings settings =
      redirector::read_settings(host::Config::load(options.config).section("redirector"));
  if (!options.pin_directory.empty()) settings.pin_directory = options.pin_directory;
  if (!options.cgroup.empty()) settings.cgroup = options.cgroup;
  return settings;
}

// detach and status work without a configuration: a machine must be cleaned even if that is broken.
std::string pins_of(const Options& options) {
  if (!options.pin_directory.empty()) return options.pin_directory;
  if (::access(options.config.c_str(), F_OK) != 0) return redirector::Settings{}.pin_directory;
  return settings_of(options).pin_directory;
}

int run(const Options& options) {
  const redirector::Settings settings = settings_of(options);
  host::log::start("veilwire-redirector", settings.log_level);
  const host::UniqueFd stop = host::stop_signals();
  const host::UniqueFd reload = host::reload_signal();
  const host::UserId proxy = host::resolve_user(settings.proxy_user);
  host::UniqueFd listener = host::listen_local(settings.socket, 0660);
  if (::chown(settings.socket.c_str(), static_cast<uid_t>(-1), proxy.gid) != 0)
    throw std::system_error(errno, std::generic_category(), settings.socket);
  std::unique_ptr<host::protocol::StatusSocket> status;
  if (!settings.status_socket.empty())
    status = std::make_unique<host::protocol::StatusSocket>(settings.status_socket, 0600);
  if (status) host::let_ask(settings.status_socket, settings.status_readers);
  // BPF, PERFMON, NET_ADMIN: load and attach. SYS_ADMIN: other network namespaces, program ids.
  // SYS_PTRACE and DAC_READ_SEARCH: /proc/PID/exe and scripts of all users, cgroups by id.
  host::confine({.user = "",
                 .keep_capabilities = {CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN, CAP_SYS_ADMIN,
                                       CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH},
                 .may_be_root = true});
  redirector::Redirector program(settings, std::move(listener), proxy.uid, std::move(status));
  const host::ReloadThread reloads(
      reload.get(), [&options] { host::read_log_level_again(options.config, "redirector"); });
  host::notify("READY=1");
  host::log::info("connections below " + settings.cgroup + " are redirected");
  program.run(stop.get());
  host::notify("STOPPING=1");
  host::log::info("stopped; programs stay attached. To remove them: veilwire-redirector detach");
  return 0;
}

int detach(const Options& options) {
  const auto left = redirector::detach_all(pins_of(options));
  for (const std::string& line : left) std::cerr << "left: " << line << "\n";
  if (left.empty()) std::cout << "nothing of veilwire is attached\n";
  return left.empty() ? 0 : 1;
}

int status(const Options& options) {
  const redirector::Status status = redirector::read_status(pins_of(options));
  std::cout << (options.json ? redirector::to_json(status) + "\n" : redirector::to_text(status));
  return status.effective && status.proxy_alive ? 0 : 1;
}

// The configuration as it is, or what it would be: doctor says by itself what is wrong with it.
int look(const Options& options) {
  redirector::Settings settings;
  if (::access(options.config.c_str(), F_OK) == 0) settings = settings_of(options);
  if (!options.pin_directory.empty()) settings.pin_directory = options.pin_directory;
  const redirector::Probe probe = redirector::probe(settings.pin_directory, settings.cgroup);
  std::cout << redirector::to_json(probe) << "\n";
  return probe.loads ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{
      "Labels client processes and redirects their connections to the proxy.\n"
      "Started by veilwire-redirector.service; see veilwire-redirector(8).",
      "veilwire-redirector"};
  app.set_version_flag("--version", "veilwire-redirector " VEILWIRE_VERSION);
  app.require_subcommand(1);
  const auto common = [&options](CLI::App* command) {
    command->add_option("--config", options.config, "the agent's configuration file")
        ->type_name("FILE")
        ->capture_default_str();
    command->add_option("--pin-dir", options.pin_directory, "instead of the configured one")
        ->type_name("DIR");
  };
  CLI::App* run_command = app.add_subcommand("run", "attach and serve; stopping detaches nothing");
  common(run_command);
  run_command->add_option("--cgroup", options.cgroup, "attach point, instead of the configured one")
      ->type_name("PATH");
  CLI::App* detach_command = app.add_subcommand("detach", "remove everything, from pins alone");
  common(detach_command);
  CLI::App* status_command =
      app.add_subcommand("status", "what is in force; 0 if all is effective and the proxy alive");
  common(status_command);
  status_command->add_flag("--json", options.json, "one JSON object");
  CLI::App* probe_command = app.add_subcommand(
      "probe", "could the kernel side run here, and who else is at its hooks; attaches nothing");
  common(probe_command);
  return host::run_program(app, argc, argv, [&] {
    if (run_command->parsed()) return run(options);
    if (detach_command->parsed()) return detach(options);
    if (probe_command->parsed()) return look(options);
    return status(options);
  });
}
