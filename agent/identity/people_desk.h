// What people ask on their socket (host/protocol/people.h): each connection is one process of one
// login, and speaks for that alone. For one thread. Tested by
// tests/unit/identity/oidc_server_test.cpp with a real IdP.
#pragma once

#include "agent/host/local_socket.h"
#include "agent/host/protocol/people.h"
#include "agent/identity/accounts.h"
#include "agent/identity/cgroups.h"
#include "agent/identity/device_sign_ins.h"
#include "agent/identity/saml_sign_ins.h"
#include "agent/identity/session_keeper.h"
#include "userspace/identity/authorization_request.h"
#include "userspace/identity/dpop.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace veilwire::agent_identity {

class PeopleDesk {
 public:
  using ConnectionId = std::uint64_t;
  struct Parts {
    const OidcSettings& settings;
    SessionKeeper& keeper;
    ClientAtIdp* client;    // nullptr: nobody signs in but jobs and machines
    DeviceSignIns* device;  // the same
    SamlSignIns* saml;      // instead of an issuer; nullptr: not by SAML
    Cgroups& cgroups;
    Accounts& accounts;
    crypto::RandomSource random;
  };

  PeopleDesk(boost::asio::io_context& io, Parts parts,
             std::function<void(ConnectionId, std::string)> send);
  PeopleDesk(const PeopleDesk&) = delete;
  PeopleDesk& operator=(const PeopleDesk&) = delete;

  bool opened(ConnectionId id, int fd, const host::Credentials& credentials);
  bool message(ConnectionId id, std::string_view message);
  void closed(ConnectionId id);

  // Of DeviceSignIns.
  void offered(const identity::Binding& binding);
  void ended(const identity::Binding& binding, const DeviceSignIns::Outcome& outcome);

 private:
  struct Person {
    Result<LocalPeer, std::string_view> who;
    std::optional<identity::AuthorizationRequest> browser = {};
    std::optional<identity::ProofKey> key = {};    // of that sign-in
    std::optional<identity::Binding> device = {};  // waits for its end
    bool busy = false;  // an ask of this connection is under way: no other is taken
  };
  using Answer = host::protocol::PeopleAnswer;

  boost::asio::awaitable<void> take(ConnectionId id, host::protocol::PeopleAsk ask);
  boost::asio::awaitable<Answer> login(ConnectionId id, LocalPeer who, std::uint16_t port);
  boost::asio::awaitable<Answer> callback(ConnectionId id, LocalPeer who, Secret target);
  boost::asio::awaitable<Answer> login_saml(ConnectionId id, LocalPeer who);
  boost::asio::awaitable<Answer> response(ConnectionId id, LocalPeer who,
                                          host::protocol::PeopleAsk ask);
  std::optional<Answer> login_device(ConnectionId id, const LocalPeer& who);
  boost::asio::awaitable<bool> is_operator(LocalPeer who);
  Answer whoami(const LocalPeer& who) const;
  boost::asio::awaitable<Answer> logout(LocalPeer who);
  void list_sessions(ConnectionId id);
  void answer(ConnectionId id, const Answer& answer);
  Person* person(ConnectionId id);

  boost::asio::io_context& io_;
  Parts parts_;
  std::function<void(ConnectionId, std::string)> send_;
  std::map<ConnectionId, Person> people_;
};

}  // namespace veilwire::agent_identity
