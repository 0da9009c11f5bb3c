// Who has signed in, kept: takes what a sign-in has brought, has the IdP asked on, writes
// everything down sealed, and tells what has changed. The one place that opens tokens.
//
// A word of the IdP that comes for a session which another has taken the place of in the meantime
// is nobody's: each look at the IdP ends by comparing. For one thread, its io_context's. What
// sign-ins bring is taken in session_keeper_sign_ins.cpp. Tested by
// tests/unit/identity/oidc_server_test.cpp with a real IdP.
#pragma once

#include "agent/host/limited_log.h"
#include "agent/identity/accounts.h"
#include "agent/identity/client_at_idp.h"
#include "agent/identity/local_peer.h"
#include "agent/identity/machine.h"
#include "agent/identity/oidc_settings.h"
#include "agent/identity/session_store.h"
#include "agent/identity/session_writer.h"
#include "userspace/identity/security_event.h"
#include "userspace/identity/session_care.h"
#include "userspace/identity/session_table.h"
#include "userspace/identity/token_request.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace veilwire::agent_identity {

class SessionKeeper {
 public:
  struct Parts {
    const OidcSettings& settings;
    IdpClient& idp;       // through which issuers of jobs are asked
    ClientAtIdp* people;  // nullptr: nobody signs in but jobs and machines
    const Machines& machines;
    Accounts& accounts;
    const crypto::Sealer& sealer;
    SessionStore store;
    identity::BootId boot;
    crypto::RandomSource random;
  };
  struct Events {
    // The table has changed; nullopt: everything may have.
    std::function<void(const std::optional<std::vector<identity::Binding>>&)> changed;
    // The IdP was asked about it, whatever came of that.
    std::function<void(const identity::Binding&)> checked;
  };

  // Reads what is at rest.
  SessionKeeper(boost::asio::io_context& io, Parts parts, Events events);
  SessionKeeper(const SessionKeeper&) = delete;
  SessionKeeper& operator=(const SessionKeeper&) = delete;

  // Of a machine's session, whether it stands for the peer is judged anew.
  identity::Found find(const identity::Peer& peer, identity::Place place) const;
  // The machine whose process the peer is; nullptr: none's.
  Machine* machine_of(const LocalPeer& who) const {
    return parts_.machines.of(who.peer, who.place);
  }
  const identity::SessionTable& table() const { return table_; }

  // Somebody acts on it: so it is asked about, ahead of the end of its word.
  void used(const identity::Binding& binding);
  bool idp_fails() const { return care_.failures() != 0; }
  // Whether the IdP that the session is from did not answer when it was last asked, which was not
  // long ago.
  bool idp_fails(const identity::Session& session) const;

  // Tokens of a grant that this peer has begun. The error is a clause for the person.
  boost::asio::awaitable<Result<identity::Found, std::string>> sign_in(
      LocalPeer who, identity::Tokens tokens, std::string method, std::optional<std::string> nonce);
  // Whom another source has verified, and about whom nobody can be asked while it lasts.
  boost::asio::awaitable<Result<identity::Found, std::string>> sign_in(
      LocalPeer who, identity::VerifiedToken token, std::string method);
  // A machine, for the binding of one of its processes; share: that process's user.
  boost::asio::awaitable<Result<void, Machine::Failure>> sign_in(Machine& machine,
                                                                 identity::Binding binding,
                                                                 std::uint32_t share);
  // The ID token of a job that this peer is part of.
  boost::asio::awaitable<Result<identity::Found, std::string>> attach(LocalPeer who, Secret token);
  // false: there is nothing to end. The tokens are given back behind it.
  bool sign_out(const identity::Binding& binding);
  // All sessions of the subject, by an operator.
  std::size_t revoke(const std::string& subject);
  // What an IdP says unasked. It takes effect at once, also against tokens that are still on their
  // way; only once it is at rest it need not be said again.
  void carry_out(const std::vector<identity::SecurityEvent>& events);

  // At the end of the program: asks for nothing new, and then writes everything down once nothing
  // is under way. An answer that is lost may be that of a refresh, and its session with it.
  void stop_asking() { stopping_ = true; }
  bool asks() const { return care_.under_way() != 0; }
  bool save() { return writer_.finish(); }  // false: it could not be written

  // Until what has happened up to here is at rest. false: it could not be written.
  boost::asio::awaitable<bool> at_rest() { return writer_.at_rest(); }

  struct Counters {
    std::uint64_t sign_ins = 0, refused = 0, checks = 0, refreshes = 0, failures = 0, ended = 0;
  };
  const Counters& counters() const { return counters_; }
  void count_refused() { ++counters_.refused; }  // a sign-in that has not come here

 private:
  void load();
  void tell_changes();
  void pump();
  void wait_for_due();
  void expire();
  std::uint32_t random_number() const;
  Machine* machine_of(const identity::Session& session) const;  // nullptr: it is none's
  // nullptr: the configuration has it no more.
  ClientAtIdp* client_of(const identity::Session& session) const;
  identity::Caring caring_of(const identity::Session& session,
                             const identity::Tokens& tokens) const;
  std::string seal(const identity::Binding& binding, const identity::Tokens& tokens) const;
  std::optional<identity::Tokens> tokens_of(const identity::Binding& binding) const;

  boost::asio::awaitable<void> check(identity::Binding binding, identity::Care what);
  // A session is looked up again once the IdP has spoken: by what was sealed then.
  const identity::Session* still(const identity::Binding& binding, const std::string& sealed) const;
  void over(const identity::Binding& binding, const identity::Session& session);
  void failed(const identity::Binding& binding, const identity::Session& session,
              const std::string& why, std::optional<std::chrono::seconds> retry_after);
  void conclude(const identity::Binding& binding, const std::string& sealed, ClientAtIdp& client,
                IdpWord word);
  void conclude(const identity::Binding& binding, const std::string& sealed, Machine& machine,
                Result<Machine::Word, Machine::Failure> word);
  Result<void, identity::SessionError> keep(Machine& machine, const identity::Binding& binding,
                                            std::uint32_t share, Machine::Word word);
  boost::asio::awaitable<Result<std::string, std::string>> owner(
      const LocalPeer& who, const identity::VerifiedToken& token);
  Result<identity::Found, std::string> added(
      const LocalPeer& who,
      Result<std::optional<identity::Person>, identity::SessionError> outcome);

  boost::asio::io_context& io_;
  Parts parts_;
  Events events_;
  identity::SessionTable table_;
  identity::SessionCare care_;
  std::uint64_t told_ = 0;  // the generation
  std::map<std::string, std::unique_ptr<Issuer>> ci_issuers_;
  std::map<std::string, Monotonic> failed_at_;  // by issuer, of those whose last answer was none
  boost::asio::steady_timer pump_timer_, expire_timer_;
  bool stopping_ = false;
  host::LimitedLog log_;
  Counters counters_;
  SessionWriter writer_;
};

}  // namespace veilwire::agent_identity
