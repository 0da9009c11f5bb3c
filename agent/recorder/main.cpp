// veilwire-recorder: owns the ledger. Takes records from the proxy, says when they are on disk.
#include "agent/host/config.h"
#include "agent/host/confinement.h"
#include "agent/host/local_socket.h"
#include "agent/host/log.h"
#include "agent/host/notify.h"
#include "agent/recorder/ledger.h"
#include "agent/recorder/service.h"
#include "userspace/crypto/random.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <exception>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>

#include <CLI/CLI.hpp>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using namespace veilwire;

struct Settings {
  std::string user, socket, status_socket, log_level;
  std::vector<std::string> writers;
  recorder::LedgerOptions ledger;
};

Settings read_settings(const std::string& path) {
  const host::ConfigSection section = host::Config::load(path).section("recorder");
  constexpr std::int64_t kMostMebibytes = std::int64_t{1} << 30;  // a pebibyte
  Settings s;
  s.user = section.text("user", "veilwire-recorder");
  s.writers = section.texts("writers", {"veilwire"});
  s.socket = section.text("socket", "/run/veilwire-recorder/recorder.sock");
  s.status_socket = section.text("status_socket", "/run/veilwire-recorder/recorder-status.sock");
  s.log_level = section.text("log_level", "info");
  s.ledger.path = section.text("database", "/var/lib/veilwire-recorder/ledger.db");
  const auto mebibytes = [&](const char* key, std::int64_t fallback) {
    return static_cast<std::uint64_t>(section.integer(key, fallback, 1, kMostMebibytes)) << 20;
  };
  s.ledger.max_bytes = mebibytes("max_size_mib", 8192);
  s.ledger.reserved_bytes = mebibytes("reserved_mib", 64);
  section.check();
  if (s.ledger.reserved_bytes >= s.ledger.max_bytes)
    throw host::ConfigError(path + ": [recorder] reserved_mib must be less than max_size_mib");
  return s;
}

// Of the machine or the boot; "" where the unit hides it.
std::string read_id(const char* path) {
  std::string id;
  std::ifstream(path) >> id;
  id.erase(std::remove(id.begin(), id.end(), '-'), id.end());
  return id;
}

Now read_clocks() {
  using std::chrono::duration_cast, std::chrono::nanoseconds;
  return {
      .mono = {duration_cast<nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())},
      .wall = {duration_cast<nanoseconds>(std::chrono::system_clock::now().time_since_epoch())}};
}

recorder::WriterId draw_writer_id() {
  recorder::WriterId id;
  crypto::system_random()(id.bytes);
  return id;
}

// Blocked before the first thread exists, so that the signal comes to the loop.
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

// Everything that was said stands in this folder: it is ours alone.
void check_folder(const std::string& database) {
  const std::size_t slash = database.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : database.substr(0, slash + 1);
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0)
    throw std::system_error(errno, std::generic_category(), folder);
  if (status.st_uid != ::geteuid() || (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    throw std::runtime_error(folder + " must belong to the recorder's user, with mode 0700");
}

void serve(Settings settings, bool unconfined) {
  const host::UniqueFd stop = stop_signals();
  recorder::ServiceOptions options;
  for (const std::string& writer : settings.writers)
    options.allowed.push_back(host::resolve_user(writer).uid);
  // 0666: who may connect is decided by SO_PEERCRED.
  options.listener = host::listen_local(settings.socket, 0666);
  if (!settings.status_socket.empty())
    options.status = std::make_unique<host::protocol::StatusSocket>(settings.status_socket, 0600);
  settings.ledger.host = read_id("/etc/machine-id");
  settings.ledger.boot = read_id("/proc/sys/kernel/random/boot_id");
  settings.ledger.now = read_clocks;
  settings.ledger.new_writer_id = draw_writer_id;

  if (!unconfined) {
    host::Confinement confinement;
    confinement.user = settings.user;
    confinement.forbid_network = true;
    host::confine(confinement);
  }
  check_folder(settings.ledger.path);
  options.open = [ledger = settings.ledger] { return recorder::Ledger(ledger); };
  recorder::Service service(std::move(options));
  host::log::info("writing " + settings.ledger.path);
  host::notify("READY=1");
  service.run(stop.get());
  host::notify("STOPPING=1");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Writes the ledger: every record of the proxy, committed to disk before it is acknowledged.\n"
      "Started by veilwire-recorder.service; see veilwire-recorder(8).",
      "veilwire-recorder");
  std::string config = host::kDefaultConfig;
  bool unconfined = false;
  app.add_option("--config", config, "configuration file; this program reads its [recorder] table")
      ->type_name("FILE")
      ->capture_default_str();
  app.add_flag("--unconfined", unconfined, "keep user and privileges: for tests only");
  app.set_version_flag("--version", "veilwire-recorder " VEILWIRE_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  try {
    Settings settings = read_settings(config);
    host::log::start("veilwire-recorder", settings.log_level);
    serve(std::move(settings), unconfined);
  } catch (const std::exception& e) {
    std::cerr << "veilwire-recorder: " << e.what() << '\n';
    return 1;
  }
  return 0;
}
