// Asks one transmitter for security events, has them carried out, and acknowledges those that have
// taken effect and are at rest. Meanwhile sessions are checked as without it: who keeps events from
// us gains the time between two checks.
//
// One coroutine, on the thread of its io_context. Tested by
// tests/unit/identity/oidc_server_test.cpp with a transmitter.
#pragma once

#include "agent/host/limited_log.h"
#include "agent/identity/event_settings.h"
#include "agent/identity/idp_client.h"
#include "agent/identity/issuer.h"
#include "agent/identity/session_keeper.h"
#include "userspace/base/secret.h"
#include "userspace/crypto/random.h"
#include "userspace/identity/event_poll.h"
#include "userspace/identity/key_cache.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace veilwire::agent_identity {

class EventPoller {
 public:
  struct Parts {
    IdpClient& idp;
    SessionKeeper& keeper;
    std::chrono::milliseconds patience;  // for an answer that holds its keys
    crypto::RandomSource random;
  };

  // Reads the token file, and begins once the io_context runs. Throws std::runtime_error.
  EventPoller(boost::asio::io_context& io, const TransmitterSettings& settings, Parts parts);
  EventPoller(const EventPoller&) = delete;
  EventPoller& operator=(const EventPoller&) = delete;

  // It does not answer, or not as a transmitter.
  bool fails() const { return keys_fail_ || poll_.failures() != 0; }
  std::string status() const;  // JSON

 private:
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<void> fetch_keys();
  boost::asio::awaitable<Result<identity::IdpResponse, identity::IdpFault>> ask_for_keys();
  boost::asio::awaitable<void> poll();
  // true: it has taken effect, and is to be acknowledged once that is at rest.
  bool take(const identity::ReceivedSet& set);
  void complain(const std::string& what);
  std::uint32_t random_number() const;

  TransmitterSettings settings_;
  Parts parts_;
  Issuer transmitter_;
  Secret bearer_;
  identity::KeyCache keys_;
  identity::EventPoll poll_;
  boost::asio::steady_timer timer_;
  bool keys_fail_ = false;
  std::optional<Monotonic> last_answer_;
  std::uint64_t events_ = 0;  // that have been carried out
  host::LimitedLog log_;
};

}  // namespace veilwire::agent_identity
