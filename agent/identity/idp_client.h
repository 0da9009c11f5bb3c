// Carries the requests of the machines in userspace/identity to an IdP and its answers back:
// HTTP/1.1 (RFC 9112) over TLS, each on a connection of its own. Plain HTTP is spoken with loopback
// addresses alone, where tests have their IdPs. Both may hold secrets, and neither is ever logged.
// Tested by tests/unit/identity/idp_client_test.cpp over real sockets.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/time.h"
#include "userspace/identity/idp_message.h"
#include "userspace/wire/tls_context.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace veilwire::agent_identity {

enum class IdpClientError : std::uint8_t {
  NotLoopback,  // plain HTTP to somewhere else
  Unresolved,   // its name has no address
  Refused,      // no address takes a connection
  Untrusted,    // TLS: its certificate is not what it should be, or there is no common ground
  Cut,          // the connection ended before the answer did
  Malformed,    // what came is no HTTP/1.1
  TooLarge,     // head beyond its bound, or body beyond what the request takes
  Late,         // no answer in time
};
std::string_view to_string(IdpClientError error);

struct IdpClientFailure {
  IdpClientError error = IdpClientError::Late;
  std::string detail;  // of the system or OpenSSL, never bytes of the peer
};

class IdpClient {
 public:
  // context: whom to trust. wall_clock: for the validity of certificates.
  IdpClient(boost::asio::io_context& io, std::shared_ptr<wire::TlsClientContext> context,
            std::function<WallTime()> wall_clock);

  // One request at most once. It must outlive the coroutine, as must the client.
  boost::asio::awaitable<Result<identity::IdpResponse, IdpClientFailure>> ask(
      const identity::IdpRequest& request, std::chrono::milliseconds patience);

 private:
  boost::asio::io_context& io_;
  std::shared_ptr<wire::TlsClientContext> context_;
  std::function<WallTime()> wall_clock_;
};

}  // namespace veilwire::agent_identity
