// Carries the requests of the machines in userspace/identity to an IdP and its answers back, as
// HTTP. Tested by tests/unit/identity/idp_client_test.cpp over real sockets.
#pragma once

#include "agent/outbound/https_client.h"
#include "userspace/base/result.h"
#include "userspace/base/time.h"
#include "userspace/identity/idp_message.h"
#include "userspace/wire/tls_context.h"

#include <chrono>
#include <functional>
#include <memory>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace veilwire::agent_identity {

using IdpClientError = outbound::Error;
using IdpClientFailure = outbound::Failure;

class IdpClient {
 public:
  // context: whom to trust. wall_clock: for the validity of certificates.
  IdpClient(boost::asio::io_context& io, std::shared_ptr<wire::TlsClientContext> context,
            std::function<WallTime()> wall_clock)
      : https_(io, std::move(context), std::move(wall_clock)) {}

  // One request at most once. It must outlive the coroutine, as must the client.
  boost::asio::awaitable<Result<identity::IdpResponse, IdpClientFailure>> ask(
      const identity::IdpRequest& request, std::chrono::milliseconds patience);

 private:
  outbound::HttpsClient https_;
};

}  // namespace veilwire::agent_identity
