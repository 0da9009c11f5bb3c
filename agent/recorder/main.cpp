// veilwire-recorder: owns the ledger. Takes records from the proxy, says when they are on disk.
#include "agent/host/clock.h"
#include "agent/host/confinement.h"
#include "agent/host/host_ids.h"
#include "agent/host/program.h"
#include "agent/recorder/checkpoint_keys.h"
#include "agent/recorder/delivery_server.h"
#include "agent/recorder/ledger.h"
#include "agent/recorder/service.h"
#include "userspace/crypto/random.h"
#include "userspace/proof/signed_note.h"

#include <cerrno>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using namespace veilwire;

struct Settings {
  host::DaemonSettings daemon;
  std::vector<std::string> writers;
  std::string delivery_socket;
  std::vector<uid_t> readers;
  recorder::LedgerOptions ledger;
  recorder::CheckpointPace pace;
};

std::string beside(const std::string& file, const char* name) {
  return file.substr(0, file.rfind('/') + 1) + name;
}

// Where nothing is delivered there is no such user; one that is named must exist.
std::vector<uid_t> read_readers(const host::ConfigSection& section) {
  constexpr const char* kForwarder = "veilwire-forwarder";
  if (!section.has("readers") && ::getpwnam(kForwarder) == nullptr) return {};
  std::vector<uid_t> out;
  for (const std::string& reader : section.texts("readers", {kForwarder}))
    out.push_back(host::resolve_user(reader).uid);
  return out;
}

Settings read_settings(const std::string& path) {
  const host::ConfigSection section = host::Config::load(path).section("recorder");
  constexpr std::int64_t kMostMebibytes = std::int64_t{1} << 30;  // a pebibyte
  Settings s;
  s.writers = section.texts("writers", {"veilwire"});
  s.daemon = host::read_daemon_settings(section, "recorder", s.writers);
  s.delivery_socket = section.text("delivery_socket", beside(s.daemon.socket, "delivery.sock"));
  s.readers = read_readers(section);
  s.ledger.path = section.text("database", "/var/lib/veilwire-recorder/ledger.db");
  const auto mebibytes = [&](const char* key, std::int64_t fallback) {
    return static_cast<std::uint64_t>(section.integer(key, fallback, 1, kMostMebibytes)) << 20;
  };
  s.ledger.max_bytes = mebibytes("max_size_mib", 8192);
  s.ledger.reserved_bytes = mebibytes("reserved_mib", 64);
  s.ledger.checkpoint_key = section.text("checkpoint_key", beside(s.ledger.path, "checkpoint.key"));
  if (section.has("keep_days")) {
    constexpr std::int64_t kMostDays = 36'500;
    s.ledger.retention.keep =
        std::chrono::hours(24) * section.integer("keep_days", kMostDays, 1, kMostDays);
  }
  s.ledger.retention.delivered_to = section.texts("delivered_to", {});
  s.ledger.retention.witnesses = section.texts("witness_keys", {});
  for (const std::string& key : s.ledger.retention.witnesses) {
    const auto verifier = proof::NoteVerifier::parse(key);
    if (!verifier || verifier->kind() != proof::NoteKeyKind::Witness)
      section.refuse("witness_keys",
                     "has \"" + key + "\", which is no key as `veilwire-witness key` shows one");
  }
  for (const std::string& sink : s.ledger.retention.delivered_to) {
    if (!host::protocol::is_sink_name(sink))
      section.refuse("delivered_to", "has \"" + sink + "\", which no sink can be named");
  }
  s.pace.records = static_cast<std::uint64_t>(section.integer(
      "checkpoint_records", static_cast<std::int64_t>(s.pace.records), 1, 1'000'000));
  s.pace.interval = std::chrono::seconds(section.integer("checkpoint_seconds", 60, 1, 3600));
  section.check();
  if (s.ledger.reserved_bytes >= s.ledger.max_bytes)
    throw host::ConfigError(path + ": [recorder] reserved_mib must be less than max_size_mib");
  return s;
}

recorder::WriterId draw_writer_id() {
  recorder::WriterId id;
  crypto::system_random()(id.bytes);
  return id;
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
  host::Daemon daemon(settings.daemon);
  recorder::DeliveryOptions delivery;
  if (!settings.delivery_socket.empty()) {
    delivery = {.listener = daemon.listen("recorder-delivery", settings.delivery_socket,
                                          {settings.readers.begin(), settings.readers.end()}),
                .readers = settings.readers,
                .ledger = settings.ledger.path};
  }
  recorder::ServiceOptions options;
  options.listener = std::move(daemon.listener);
  options.status = std::move(daemon.status);
  for (const std::string& writer : settings.writers)
    options.allowed.push_back(host::resolve_user(writer).uid);
  const host::HostIds ids = host::read_host_ids();
  settings.ledger.host = ids.machine;
  settings.ledger.boot = ids.boot;
  settings.ledger.now = host::now;
  settings.ledger.new_writer_id = draw_writer_id;

  daemon.confine(unconfined);
  check_folder(settings.ledger.path);
  options.open = [ledger = settings.ledger] { return recorder::Ledger(ledger); };
  options.pace = settings.pace;
  options.ledger = settings.ledger.path;
  recorder::Service service(std::move(options));
  std::optional<recorder::DeliveryServer> sinks;
  if (delivery.listener) sinks.emplace(std::move(delivery), service.committer());
  daemon.serve("writing " + settings.ledger.path, [&service](int stop) { service.run(stop); });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Writes the ledger: every record of the proxy, committed to disk before it is acknowledged.\n"
      "Started by veilwire-recorder.service; see veilwire-recorder(8).",
      "veilwire-recorder");
  host::DaemonOptions options;
  host::add_daemon_options(app, options, VEILWIRE_VERSION);
  const CLI::App* rotate = app.add_subcommand(
      "rotate-key",
      "Makes a new key for checkpoints; the recorder says so in the ledger, signed by both keys, "
      "and uses it from its next checkpoint on.");
  return host::run_program(app, argc, argv, [&options, rotate] {
    if (rotate->parsed()) {
      recorder::CheckpointKeys(read_settings(options.config).ledger.checkpoint_key).make_next();
      return 0;
    }
    serve(read_settings(options.config), options.unconfined);
    return 0;
  });
}
