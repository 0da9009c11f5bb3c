// What veilwire-identity does with the proxy's questions: looks the peer up and answers when the
// answer is known. Tested by tests/unit/identity/server_test.cpp over real sockets.
#pragma once

#include "agent/host/local_server.h"
#include "agent/host/protocol/status.h"
#include "agent/host/unique_fd.h"
#include "agent/identity/lookups.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace veilwire::agent_identity {

struct ServerOptions {
  host::UniqueFd listener;
  // The only user who may ask: an answer names a person's groups, and questions load the directory.
  uid_t proxy_uid = 0;
  std::unique_ptr<host::protocol::StatusSocket> status;  // nullptr: no status is given
  LookupLimits limits;
};

class Server {
 public:
  // Throws std::system_error.
  Server(ServerOptions options, std::shared_ptr<IdentitySource> source);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Until `stop` becomes readable. Throws std::system_error when the loop itself fails.
  void run(int stop) { server_.run(stop); }

 private:
  bool take(std::uint64_t connection, std::string_view message);
  void reply(const Ticket& ticket, Who who);
  std::string status() const;

  host::LocalServer server_;
  Lookups lookups_;  // its threads wake server_
};

}  // namespace veilwire::agent_identity
