// What the mains of all our programs share: options, exit codes and the signal that ends them; and,
// for those that answer on one local socket (identity, recorder, signer), everything around their
// work. Tested by tests/unit/host/program_test.cpp and by each program's own test.
#pragma once

#include "agent/host/config.h"
#include "agent/host/confinement.h"
#include "agent/host/notify.h"
#include "agent/host/protocol/status.h"
#include "agent/host/unique_fd.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <sys/types.h>

namespace CLI {
class App;
}

namespace veilwire::host {

// Parses, works, and gives main's exit code: what `work` returns, 1 for an exception, whose text
// goes to standard error, 2 for wrong usage.
int run_program(CLI::App& app, int argc, const char* const* argv, const std::function<int()>& work);

// SIGTERM and SIGINT as a descriptor that becomes readable. Called before the first thread exists,
// so that every thread inherits the mask. Throws std::system_error.
UniqueFd stop_signals();

// The table's log_level as the file has it now comes into force. Throws ConfigError and
// std::invalid_argument.
void read_log_level_again(const std::string& config, const std::string& table);

struct DaemonOptions {
  std::string config = kDefaultConfig;
  bool unconfined = false;
};
// --config, --unconfined, --version.
void add_daemon_options(CLI::App& app, DaemonOptions& options, const std::string& version);

// The keys that every such program's table has, with their defaults for the program
// "veilwire-NAME".
struct DaemonSettings {
  std::string name;  // "signer": also the table and the listener in the store
  std::string user;  // veilwire-NAME; never root
  // /run/veilwire-NAME/NAME.sock, .../NAME-status.sock; "": there is none
  std::string socket, status_socket;
  std::string log_level;                         // info
  std::vector<std::string> callers;              // users who may connect; the keys differ
  std::vector<std::string> status_readers = {};  // users who may ask for the status besides root
  std::string config = {};                       // what they are from, read again on SIGHUP
};
// All but socket and callers: for one that answers nobody.
DaemonSettings read_program_settings(const ConfigSection& section, const std::string& name);
DaemonSettings read_daemon_settings(const ConfigSection& section, const std::string& name,
                                    std::vector<std::string> callers);

// A program that answers on one local socket and needs nothing else: in this order constructed,
// confined, given its work, and served.
class Daemon {
 public:
  // Starts the log and opens the sockets; a listener that the service manager holds keeps questions
  // while the program restarts. Before any thread. Throws std::exception.
  explicit Daemon(DaemonSettings settings);

  UniqueFd listener;                               // to be moved away
  std::unique_ptr<protocol::StatusSocket> status;  // nullptr: none is configured

  // Another socket, for these users besides root; one that the service manager holds by this name
  // is taken. Before confine(). Throws std::system_error.
  UniqueFd listen(const std::string& name, const std::string& path, const std::set<uid_t>& users);

  // To the configured user, without capabilities and, but for who asks others elsewhere, without
  // network; unless `unconfined` (tests). Secrets are read after this. Throws std::exception, also
  // for root.
  enum class Network : std::uint8_t { Forbidden, Needed };
  void confine(bool unconfined, Network network = Network::Forbidden) const;

  // The same, to what `confinement` says but for the user.
  void confine(bool unconfined, Confinement confinement) const;

  // Tells log and service manager that the program is ready, and when it ends. `run` gets a
  // descriptor that is readable when it shall end. On SIGHUP log_level is read again, and `reload`
  // is called, on another thread than run's.
  void serve(const std::string& doing, const std::function<void(int stop)>& run,
             const std::function<void()>& reload = {}) const;

 private:
  DaemonSettings settings_;
  std::vector<Inherited> inherited_;
  UniqueFd stop_, reload_;
};

}  // namespace veilwire::host
