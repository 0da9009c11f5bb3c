// Requests to an IdP: HTTP/1.1 (RFC 9112) over TLS, each on a connection of its own. No redirect is
// followed: an IdP's endpoints are where its discovery document says. Plain HTTP is spoken with
// loopback addresses alone, where tests have their IdPs.
//
// What is asked for may hold secrets, and so may what comes back; neither is ever logged. Tested by
// tests/unit/identity/https_client_test.cpp over real sockets.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/time.h"
#include "userspace/wire/tls_context.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace veilwire::agent_identity {

struct HttpsRequest {
  std::string method = "GET";
  bool tls = true;
  std::string host;
  std::uint16_t port = 443;
  std::string target = "/";
  std::vector<std::pair<std::string, std::string>>
      fields;  // beside Host, Content-Length, Connection
  std::string body;
};

struct HttpsResponse {
  unsigned status = 0;
  std::vector<std::pair<std::string, std::string>> fields;  // names in lower case
  std::string body;
  // Of the first field of that name, in lower case; "" where there is none.
  std::string_view field(std::string_view name) const;
};

enum class HttpsError : std::uint8_t {
  NotLoopback,  // plain HTTP to somewhere else
  Unresolved,   // its name has no address
  Refused,      // no address takes a connection
  Untrusted,    // TLS: its certificate is not what it should be, or there is no common ground
  Cut,          // the connection ended before the answer did
  Malformed,    // what came is no HTTP/1.1
  TooLarge,     // head or body beyond its bound
  Late,         // no answer in time
};
std::string_view to_string(HttpsError error);

struct HttpsFailure {
  HttpsError error = HttpsError::Late;
  std::string detail;  // of the system or OpenSSL, never bytes of the peer
};

class HttpsClient {
 public:
  // context: whom to trust. wall_clock: for the validity of certificates.
  HttpsClient(boost::asio::io_context& io, std::shared_ptr<wire::TlsClientContext> context,
              std::function<WallTime()> wall_clock);

  // Both must outlive the coroutine.
  boost::asio::awaitable<Result<HttpsResponse, HttpsFailure>> fetch(
      const HttpsRequest& request, std::chrono::milliseconds patience);

 private:
  boost::asio::io_context& io_;
  std::shared_ptr<wire::TlsClientContext> context_;
  std::function<WallTime()> wall_clock_;
};

}  // namespace veilwire::agent_identity
