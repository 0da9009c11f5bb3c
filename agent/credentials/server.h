// What veilwire-credentials does with the proxy's questions: one credential a question. Tested by
// tests/unit/credentials/program_test.cpp.
#pragma once

#include "agent/credentials/keeper.h"
#include "agent/host/limited_log.h"
#include "agent/host/local_server.h"
#include "agent/host/protocol/status.h"
#include "agent/host/unique_fd.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace veilwire::credentials {

struct ServerOptions {
  host::UniqueFd listener;
  std::unique_ptr<host::protocol::StatusSocket> status;  // nullptr: no status is given
  uid_t proxy_uid = 0;                                   // the only user who is given credentials
};

class Server {
 public:
  // Throws std::system_error.
  Server(ServerOptions options, std::map<std::string, KeptSource> sources);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Until `stop` is readable. Throws std::system_error when the loop itself fails.
  void run(int stop) { server_.run(stop); }

 private:
  bool take(std::uint64_t connection, std::string_view message);
  void reply(const Ticket& ticket, const std::string& name, What what);
  std::string status() const;

  host::LimitedLog log_;
  host::LocalServer server_;
  Keeper keeper_;  // its threads wake server_
};

}  // namespace veilwire::credentials
