// The recorder's side of the local protocol: accepts writers of the configured users, puts their
// pieces together, passes records to the committer and its answers back. One thread, poll(2).
// Tested by tests/unit/recorder/service_test.cpp and, killed at random, crash_test.cpp.
#pragma once

#include "agent/host/protocol/status.h"
#include "agent/host/proxy_connections.h"
#include "agent/host/unique_fd.h"
#include "agent/recorder/committer.h"
#include "agent/recorder/ledger.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

namespace veilwire::recorder {

struct ServiceOptions {
  host::UniqueFd listener;     // from host::listen_local
  std::vector<uid_t> allowed;  // whose records are taken
  std::function<Ledger()> open;
  CheckpointPace pace = {};
  std::string ledger = {};  // where it lies: how much space is left there is told
  std::unique_ptr<host::protocol::StatusSocket> status;  // nullptr: no status is given
  // A writer that has not come back after this, or not come at all after the start, has gone for
  // good: what it left open is closed. A link tries again once a second at least.
  std::chrono::nanoseconds patience = std::chrono::seconds(5);
};

class Service {
 public:
  // Writers that may be connected at once: a process that connects without end must not take our
  // descriptors.
  static constexpr std::size_t kMostWriters = host::kProxyConnections;

  // Opens the ledger; throws what open() throws.
  explicit Service(ServiceOptions options);
  ~Service();

  // For others who have to do with the ledger; as long as the service.
  Committer& committer();

  // Until stop_fd is readable. What has arrived by then is committed and acknowledged.
  void run(int stop_fd);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace veilwire::recorder
