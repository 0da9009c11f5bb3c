// The recorder's side of delivering the ledger (host/protocol/delivery.h): reads records for the
// sinks of veilwire-forwarder and has the committer write down what they have delivered. A thread
// and a reader of the ledger of its own: a sink that takes no answers costs the writers nothing.
// Tested by tests/unit/recorder/delivery_server_test.cpp and, killed at random,
// delivery_crash_test.cpp.
#pragma once

#include "agent/host/unique_fd.h"
#include "agent/recorder/committer.h"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

namespace veilwire::recorder {

struct DeliveryOptions {
  host::UniqueFd listener;
  std::vector<uid_t> readers;  // who deliver; root besides may drive a sink again
  std::string ledger;          // the file
};

class DeliveryServer {
 public:
  // More wait in the listener's queue: each may have an answer of kDeliveryAnswer bytes and one
  // record that it has not taken yet.
  static constexpr std::size_t kMostConnections = 32;

  // Of an open ledger. Begins at once; throws std::system_error. The committer outlives it.
  DeliveryServer(DeliveryOptions options, Committer& committer);
  ~DeliveryServer();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace veilwire::recorder
