// Sign-ins on another device, one for each binding: begun for a question that nobody can be named
// for, or by `veilwire login --device`, and shared by all that wait for the same. For one thread,
// its io_context's. Tested by tests/unit/identity/oidc_server_test.cpp with a real IdP.
#pragma once

#include "agent/identity/session_keeper.h"
#include "userspace/identity/device_flow.h"

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace veilwire::agent_identity {

class DeviceSignIns {
 public:
  // What a person is shown.
  struct Offer {
    std::string address, code;
    std::string complete;  // both in one; empty: there is none
    Monotonic until;
  };
  using Outcome = Result<identity::Found, std::string>;  // the error is a clause for a person
  struct Events {
    std::function<void(const identity::Binding&)> offered;
    std::function<void(const identity::Binding&, const Outcome&)> ended;
  };

  DeviceSignIns(boost::asio::io_context& io, SessionKeeper& keeper, ClientAtIdp& client,
                const OidcSettings& settings, crypto::RandomSource random, Events events);
  DeviceSignIns(const DeviceSignIns&) = delete;
  DeviceSignIns& operator=(const DeviceSignIns&) = delete;

  // Nothing where one is open, or where the last one has just failed. The error is a clause for a
  // person.
  Result<void, std::string> begin(const LocalPeer& who, const identity::Binding& binding);
  // nullptr: none is open, or the IdP has not answered yet.
  const Offer* offer(const identity::Binding& binding) const;
  // Why the last one failed, for a short while; nullptr: it has not.
  const std::string* failure(const identity::Binding& binding, Monotonic now) const;

  std::size_t open() const { return flows_.size(); }

 private:
  struct Flow {
    std::uint32_t user = 0;  // whose share of them it takes
    std::optional<Offer> offer = {};
  };
  struct Failure {
    std::string why;
    Monotonic until;
  };
  boost::asio::awaitable<void> run(LocalPeer who, identity::Binding binding);
  boost::asio::awaitable<Outcome> sign_in(LocalPeer who, identity::Binding binding);
  std::uint32_t random_number() const;

  boost::asio::io_context& io_;
  SessionKeeper& keeper_;
  ClientAtIdp& client_;
  const OidcSettings& settings_;
  crypto::RandomSource random_;
  Events events_;
  std::map<identity::Binding, Flow> flows_;
  std::map<identity::Binding, Failure> failures_;
};

}  // namespace veilwire::agent_identity
