// What veilwire-signer does with the proxy's requests: one certificate a request. Tested by
// tests/unit/signer/program_test.cpp.
#pragma once

#include "agent/host/limited_log.h"
#include "agent/host/local_server.h"
#include "agent/host/protocol/status.h"
#include "agent/host/unique_fd.h"
#include "agent/signer/authorities.h"
#include "agent/signer/issuer.h"

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace veilwire::signer {

struct ServerOptions {
  host::UniqueFd listener;
  std::unique_ptr<host::protocol::StatusSocket> status;  // nullptr: no status is given
  uid_t proxy_uid = 0;                                   // the only user who is given certificates
};

class Server {
 public:
  // Throws std::system_error, and std::runtime_error for an authority that cannot be used.
  Server(ServerOptions options, Authorities authorities, IssuerOptions issuer);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Until `stop` is readable. Throws std::system_error when the loop itself fails.
  void run(int stop) { server_.run(stop); }

  // From any thread: these authorities from now on. Where another one signs, askers are hung up on,
  // which tells them to ask anew for what they have kept.
  void replace(Authorities authorities);

 private:
  bool take(std::uint64_t connection, std::string_view message);
  void take_replaced();
  std::string status() const;

  std::vector<wire::AuthorityChain> known_;
  Issuer issuer_;
  std::set<std::uint64_t> askers_;
  std::mutex mutex_;
  std::optional<Authorities> replaced_;  // by the mutex
  host::LimitedLog log_;
  host::LocalServer server_;
};

}  // namespace veilwire::signer
