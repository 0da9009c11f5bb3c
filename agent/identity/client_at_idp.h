// One client of ours at an IdP, and what it asks there about tokens: whether they still stand, for
// fresh ones, who is in which groups today; and it gives them back. Remembers in which ways the IdP
// answers it. For one thread, its io_context's. Tested by
// tests/unit/identity/oidc_server_test.cpp with real IdPs.
#pragma once

#include "agent/host/limited_log.h"
#include "agent/identity/client_settings.h"
#include "agent/identity/issuer.h"
#include "userspace/identity/dpop.h"
#include "userspace/identity/introspection.h"
#include "userspace/identity/session_care.h"
#include "userspace/identity/token_request.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace veilwire::agent_identity {

// What the IdP has said about the tokens of a session.
struct IdpWord {
  std::optional<identity::IdpFault> fault = {};
  bool refused = false;  // us, as the one who asks: in another way the IdP may answer
  bool over = false;     // it does not stand by them any more
  std::optional<std::vector<std::string>> groups = {};
  std::optional<identity::Tokens> fresh = {};  // of a refresh
};

class ClientAtIdp {
 public:
  // groups: names of claims that lead to them; empty: nobody asks for groups.
  ClientAtIdp(boost::asio::io_context& io, Issuer& issuer, identity::OidcClient client,
              SenderConstraint constraint, std::vector<std::string> groups,
              crypto::RandomSource random);
  ClientAtIdp(const ClientAtIdp&) = delete;
  ClientAtIdp& operator=(const ClientAtIdp&) = delete;

  Issuer& issuer() { return issuer_; }
  const std::string& id() const { return client_.id(); }
  identity::ClientContext context(const identity::OidcProvider& provider) const;
  // For ID tokens that the IdP gives to us.
  identity::TokenExpectation expectation() const;

  // What the tokens of a new sign-in are to be bound to; nullopt: nothing.
  std::optional<identity::ProofKey> new_key(const identity::OidcProvider& provider) const;
  // What a request with that key may be answered with.
  identity::TokenType token_type(const std::optional<identity::ProofKey>& key) const;
  // With a proof, where there is a key; and once more where the IdP wants it with a nonce. Key and
  // access token must outlive the coroutine.
  boost::asio::awaitable<Result<identity::IdpResponse, identity::IdpFault>> ask(
      identity::IdpRequest request, const std::optional<identity::ProofKey>& key,
      const Secret* access_token = nullptr);

  bool can_introspect() const;
  // How these tokens are to be looked after. random: any.
  identity::Caring caring_of(const identity::Tokens& tokens, std::uint32_t random) const;

  boost::asio::awaitable<Result<identity::Introspection, identity::IdpFault>> ask_about(
      const identity::Tokens& tokens);
  // The same, as the word for a session of the subject.
  boost::asio::awaitable<IdpWord> introspect(const identity::Tokens& tokens,
                                             const std::string& subject);
  boost::asio::awaitable<IdpWord> refresh(const identity::Tokens& tokens,
                                          const std::string& subject);
  // Those of today, by an ID token or without one; nullopt: it cannot be told.
  boost::asio::awaitable<std::optional<std::vector<std::string>>> groups_of(
      const identity::VerifiedToken* token, const identity::Tokens& tokens,
      const std::string& subject);
  // Once, and without waiting: a token that the IdP does not take back now ends by itself.
  void give_back(identity::Tokens tokens);

 private:
  boost::asio::io_context& io_;
  Issuer& issuer_;
  identity::OidcClient client_;
  SenderConstraint constraint_;
  std::vector<std::string> groups_;
  crypto::RandomSource random_;
  // Whether the IdP names groups where it is asked about a token; where it does not, refreshing is
  // the only way to hear of others.
  std::optional<bool> introspection_names_groups_;
  bool introspection_refused_ = false;  // until the next start
  bool userinfo_names_groups_ = false;  // so that where it names none, there are none
  // The last one that each endpoint has given: of a few that the IdP names.
  std::map<std::string, std::string> nonces_;
  host::LimitedLog log_;
};

}  // namespace veilwire::agent_identity
