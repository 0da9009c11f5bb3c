// Answers the proxy's requests on a local socket, one thread, until told to stop. Who asks is
// checked by the kernel's word (SO_PEERCRED), never by the message. Tested by
// tests/unit/signer/program_test.cpp.
#pragma once

#include "agent/host/protocol/status.h"
#include "agent/host/unique_fd.h"
#include "agent/signer/issuer.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace veilwire::signer {

struct ServerOptions {
  host::UniqueFd listener;
  std::unique_ptr<host::protocol::StatusSocket> status;  // or nullptr
  unsigned proxy_uid = 0;
};

class Server {
 public:
  Server(ServerOptions options, Issuer issuer);
  // Until `stop` is readable.
  void run(int stop);

 private:
  struct Connection {
    host::UniqueFd fd;
    std::string unsent;  // one reply; the next request is read when it has left
    bool broken = false;
  };
  void accept_all();
  void serve(Connection& connection);
  void send_unsent(Connection& connection);
  std::string status() const;
  void warn(std::string line);

  ServerOptions options_;
  Issuer issuer_;
  std::map<std::uint64_t, Connection> connections_;
  std::uint64_t next_connection_ = 1;
  std::uint64_t refused_askers_ = 0;
  Monotonic next_warning_;
  std::uint64_t silenced_ = 0;
};

}  // namespace veilwire::signer
