// Carries one HTTP/1.1 request (RFC 9112) and its answer, on a connection of its own. Both may hold
// secrets, and neither is ever logged. No redirect is followed: who may be sent what stands in the
// configuration. Tested by tests/unit/identity/idp_client_test.cpp and
// tests/unit/forwarder/otlp_sink_test.cpp, over real sockets.
#pragma once

#include "agent/outbound/link.h"
#include "userspace/base/limits.h"
#include "userspace/base/result.h"
#include "userspace/base/secret.h"
#include "userspace/base/time.h"
#include "userspace/identity/url.h"
#include "userspace/wire/tls_context.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace veilwire::outbound {

// What it points to must outlive the asking.
struct HttpRequest {
  identity::Url url;
  bool post = false;
  // Beside Host, Connection and Content-Length. Whoever adds one knows that it is a field.
  std::vector<std::pair<std::string_view, std::string_view>> fields;
  std::string_view body;  // of a post
  std::size_t most_answer = limits::kIdpAnswer;
};

struct HttpResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> fields;  // names in lower case
  Secret body;

  // A field that comes several times is one value with commas between (RFC 9110, 5.3).
  std::string field(std::string_view lower_case_name) const;
};

class HttpsClient {
 public:
  // context: whom to trust. wall_clock: for the validity of certificates.
  HttpsClient(boost::asio::io_context& io, std::shared_ptr<wire::TlsClientContext> context,
              std::function<WallTime()> wall_clock);

  // One request at most once. It must outlive the coroutine, as must the client.
  boost::asio::awaitable<Result<HttpResponse, Failure>> ask(const HttpRequest& request,
                                                            std::chrono::milliseconds patience);

 private:
  boost::asio::io_context& io_;
  std::shared_ptr<wire::TlsClientContext> context_;
  std::function<WallTime()> wall_clock_;
};

}  // namespace veilwire::outbound
