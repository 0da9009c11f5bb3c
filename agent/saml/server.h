// What veilwire-saml does with the messages of veilwire-identity: one answer a question. Tested by
// tests/unit/saml/program_test.cpp.
#pragma once

#include "agent/host/limited_log.h"
#include "agent/host/local_server.h"
#include "agent/host/protocol/status.h"
#include "agent/host/unique_fd.h"
#include "agent/saml/service.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace veilwire::saml {

struct ServerOptions {
  host::UniqueFd listener;
  std::unique_ptr<host::protocol::StatusSocket> status;  // nullptr: no status is given
  uid_t identity_uid = 0;                                // the only user who is answered
};

class Server {
 public:
  // Throws std::system_error.
  Server(ServerOptions options, Service service);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Until `stop` is readable. Throws std::system_error when the loop itself fails.
  void run(int stop) { server_.run(stop); }

 private:
  bool take(std::uint64_t connection, std::string_view message);
  std::string status() const;

  Service service_;
  host::LimitedLog log_;
  host::LocalServer server_;
};

}  // namespace veilwire::saml
