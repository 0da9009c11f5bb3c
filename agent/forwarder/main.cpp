// veilwire-forwarder: carries the ledger to the organisation's collectors. It has a network and no
// file of the ledger: the recorder gives it records over a local socket.
#include "agent/forwarder/forwarder.h"
#include "agent/forwarder/rewind.h"
#include "agent/forwarder/settings.h"
#include "agent/host/log.h"
#include "agent/host/program.h"
#include "userspace/crypto/random.h"

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>

namespace {

using namespace veilwire;

forwarder::Settings read(const std::string& config) {
  return forwarder::read_settings(host::Config::load(config).section("forwarder"),
                                  VEILWIRE_VERSION);
}

std::uint32_t random_number() {
  std::uint32_t number = 0;
  crypto::system_random()({reinterpret_cast<std::uint8_t*>(&number), sizeof number});
  return number;
}

void serve(forwarder::Settings settings, bool unconfined) {
  host::Daemon daemon(settings.daemon);
  forwarder::ForwarderOptions options{.recorder_socket = settings.recorder_socket,
                                      .status = std::move(daemon.status),
                                      .sinks = std::move(settings.sinks)};
  daemon.confine(unconfined, host::Daemon::Network::Needed);
  const std::size_t sinks = options.sinks.size();
  if (sinks == 0) host::log::warning("no [[forwarder.sink]] is configured: nothing is delivered");
  // Only from here on, with nothing left that could give them away, are keys and tokens read.
  forwarder::Forwarder forwarder(std::move(options), random_number);
  daemon.serve("delivering to " + std::to_string(sinks) + (sinks == 1 ? " sink" : " sinks"),
               [&forwarder](int stop) { forwarder.run(stop); });
}

int check(const std::string& config) {
  const forwarder::Settings settings = read(config);
  for (const forwarder::ConfiguredSink& sink : settings.sinks)
    std::cout << sink.delivery.name << "  " << sink.delivery.destination << '\n';
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Carries the ledger to the organisation's collectors, each from where it stands.\n"
      "Started by veilwire-forwarder.service; see veilwire-forwarder(8).",
      "veilwire-forwarder");
  host::DaemonOptions options;
  host::add_daemon_options(app, options, VEILWIRE_VERSION);
  const CLI::App* checks =
      app.add_subcommand("check", "Reads the configuration, lists its sinks, and ends.");
  CLI::App* rewinds = app.add_subcommand(
      "rewind", "Delivers to a sink again from a record on, or passes over what is before it.");
  std::string sink;
  std::uint64_t record = 0;
  rewinds->add_option("SINK", sink, "as it is named in the configuration")->required();
  rewinds
      ->add_option("RECORD", record,
                   "the first that is delivered, as `veilwire audit sinks` counts")
      ->required()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 53));
  return host::run_program(app, argc, argv, [&]() -> int {
    if (checks->parsed()) return check(options.config);
    if (rewinds->parsed()) {
      const auto position = forwarder::rewind(read(options.config).recorder_socket, {sink, record});
      if (!position) {
        std::cerr << "veilwire-forwarder: " << position.error() << '\n';
        return 1;
      }
      std::cout << sink << " goes on from record " << *position << '\n';
      return 0;
    }
    serve(read(options.config), options.unconfined);
    // A sink's own library may still be sending: its threads must not outlive what they use.
    std::_Exit(0);
  });
}
