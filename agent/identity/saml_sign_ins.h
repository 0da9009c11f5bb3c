// Sign-ins at a SAML 2.0 IdP: each is begun for a connection of a person, whose `veilwire login`
// listens on the callback meanwhile, and is ended by the response that it brings. Who has signed in
// is kept without tokens, as there are none, and until a time that is known by then. For one
// thread, its io_context's. Tested by tests/unit/identity/saml_server_test.cpp, and with a real IdP
// by tests/e2e/saml_test.py.
#pragma once

#include "agent/host/limited_log.h"
#include "agent/identity/saml_link.h"
#include "agent/identity/session_keeper.h"
#include "userspace/base/secret.h"
#include "userspace/identity/saml_requests.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace veilwire::agent_identity {

class SamlSignIns {
 public:
  using ConnectionId = std::uint64_t;
  // The error is a clause for a person.
  using Begun = Result<host::protocol::SamlBegun, std::string>;
  // Nothing: that answers no sign-in of ours, and the next one may.
  using Ended = Result<std::optional<identity::Found>, std::string>;

  // ended: one is open no more, whatever came of it. settings.saml is there.
  SamlSignIns(boost::asio::io_context& io, SessionKeeper& keeper, const OidcSettings& settings,
              crypto::RandomSource random, std::function<void()> ended);
  SamlSignIns(const SamlSignIns&) = delete;
  SamlSignIns& operator=(const SamlSignIns&) = delete;

  boost::asio::awaitable<Begun> begin(ConnectionId id, LocalPeer who);
  boost::asio::awaitable<Ended> finish(ConnectionId id, LocalPeer who, std::string relay_state,
                                       Secret response);
  // The connection has gone.
  void forget(ConnectionId id);

  // Whether somebody is just signing in for it.
  bool waits(const identity::Binding& binding) const;
  std::size_t open() const { return requests_.size(); }

 private:
  Unexpected<std::string> refused(std::string why);
  boost::asio::awaitable<Result<identity::VerifiedToken, std::string>> read(std::string request_id,
                                                                            Secret response);

  SessionKeeper& keeper_;
  const OidcSettings& settings_;
  crypto::RandomSource random_;
  std::function<void()> ended_;
  SamlLink link_;
  identity::SamlRequests requests_;
  std::map<ConnectionId, identity::Binding> finishing_;  // their response is being read
  host::LimitedLog log_;
};

}  // namespace veilwire::agent_identity
