// One issuer of tokens over time: what it says about itself, its keys, and whether a token is its
// own. Asks as rarely as it may: one request of a kind at a time, whoever waits for it, and after a
// failure not before it is due again. For one thread, as its io_context. Tested with what uses it
// (tests/unit/identity/oidc_server_test.cpp).
#pragma once

#include "agent/identity/idp_client.h"
#include "userspace/crypto/random.h"
#include "userspace/identity/claims.h"
#include "userspace/identity/idp_fault.h"
#include "userspace/identity/key_cache.h"
#include "userspace/identity/oidc_provider.h"

#include <chrono>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace veilwire::agent_identity {

using ProviderPtr = std::shared_ptr<const identity::OidcProvider>;

class Issuer {
 public:
  using Discovery = identity::IdpRequest (*)(const identity::Url& issuer);

  // patience: for one answer.
  Issuer(boost::asio::io_context& io, IdpClient& client, identity::Url url,
         std::chrono::milliseconds patience, crypto::RandomSource random,
         Discovery discovery = identity::discovery_request);

  const std::string& name() const { return url_.text; }

  // One that is out of date serves while the issuer does not answer.
  boost::asio::awaitable<Result<ProviderPtr, identity::IdpFault>> provider();
  // As it was last; nullptr: it has never answered.
  const ProviderPtr& last_provider() const { return provider_; }

  // The error is a clause for an operator; of a failure of the issuer it says so.
  boost::asio::awaitable<Result<identity::VerifiedToken, std::string>> verify(
      const Secret& token, const identity::TokenExpectation& expected);

  // It must outlive the coroutine.
  boost::asio::awaitable<Result<identity::IdpResponse, identity::IdpFault>> ask(
      const identity::IdpRequest& request);

 private:
  // Lets one coroutine in at a time.
  class Gate {
   public:
    // It never expires: to set it anew would wake all who wait, and they each other without end.
    explicit Gate(boost::asio::io_context& io)
        : left_(io, boost::asio::steady_timer::time_point::max()) {}
    boost::asio::awaitable<void> enter();
    void leave();

   private:
    boost::asio::steady_timer left_;
    bool busy_ = false;
  };
  boost::asio::awaitable<Result<void, identity::IdpFault>> fetch_keys();
  std::uint32_t random_number() const;

  boost::asio::io_context& io_;
  IdpClient& client_;
  identity::Url url_;
  std::chrono::milliseconds patience_;
  crypto::RandomSource random_;
  Discovery discovery_;

  Gate discovering_, fetching_;
  ProviderPtr provider_;
  Monotonic discover_at_;
  unsigned failures_ = 0;
  identity::IdpFault fault_;  // of the last discovery that failed
  identity::KeyCache keys_;
};

}  // namespace veilwire::agent_identity
