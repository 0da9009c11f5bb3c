// The event loop of veilwire-identity: accepts the proxy, takes its questions, gives answers as
// they come. Tested by tests/unit/identity/server_test.cpp over real sockets.
#pragma once

#include "agent/host/local_socket.h"
#include "agent/host/protocol/status.h"
#include "agent/host/unique_fd.h"
#include "agent/identity/lookups.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

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
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Until `stop` becomes readable. Throws std::system_error when the loop itself fails.
  void run(int stop);

 private:
  struct Connection {
    host::UniqueFd fd;
    std::deque<std::string> unsent;
    bool broken = false;
  };
  void accept_all();
  void read_questions(std::uint64_t id, Connection& connection, Monotonic now);
  void reply(Connection& connection, std::uint64_t question, Who who);
  static void send_unsent(Connection& connection);
  std::string status() const;

  ServerOptions options_;
  host::UniqueFd wake_;  // eventfd: a worker has an answer
  Lookups lookups_;
  std::map<std::uint64_t, Connection> connections_;
  std::uint64_t next_connection_ = 1;
  std::uint64_t refused_askers_ = 0;
};

}  // namespace veilwire::agent_identity
