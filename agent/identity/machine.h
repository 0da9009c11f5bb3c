// A client of the IdP that services of this host act as, without a person (RFC 6749, 4.4): has
// access tokens given to it, and sees to it that each is one. As a JWT it is verified like any
// other (RFC 9068); about an opaque one the IdP is asked (RFC 7662). Where that takes the same
// question as getting another, there is no other check: an IdP that has withdrawn the client says
// no to it. For one thread. Tested by tests/unit/identity/machine_test.cpp with a real IdP.
#pragma once

#include "agent/identity/client_at_idp.h"
#include "agent/identity/machine_settings.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace veilwire::agent_identity {

class Machine {
 public:
  // What a token says, which has been verified.
  struct Word {
    identity::Tokens tokens;
    std::string subject;
    std::string token;  // what names it in a revocation
    std::vector<std::string> groups;
    WallTime issued_at, expires_at;
  };
  struct Failure {
    std::string why;      // a clause for an operator
    bool denied = false;  // the IdP says no to the client; otherwise it may answer later
    std::optional<std::chrono::seconds> retry_after = {};
  };

  // groups: names of claims that lead to them, used where the settings name no groups.
  Machine(boost::asio::io_context& io, Issuer& issuer, MachineSettings settings,
          std::vector<std::string> groups, crypto::RandomSource random);

  const identity::MachineRule& rule() const { return settings_.rule; }
  ClientAtIdp& client() { return client_; }
  const std::string& issuer() { return client_.issuer().name(); }

  boost::asio::awaitable<Result<Word, Failure>> obtain();
  identity::Caring caring_of(const identity::Tokens& tokens, std::uint32_t random) const;

 private:
  boost::asio::awaitable<Result<void, Failure>> read(Word& word);
  boost::asio::awaitable<Result<void, Failure>> ask_about(Word& word);

  MachineSettings settings_;
  std::vector<std::string> groups_;
  ClientAtIdp client_;
};

// All that are configured, with what they ask through.
class Machines {
 public:
  // idp: for those that show no certificate. Reads keys. Throws std::runtime_error.
  Machines(boost::asio::io_context& io, IdpClient& idp,
           const std::vector<MachineSettings>& settings, const std::vector<std::string>& groups,
           const std::string& roots, std::chrono::milliseconds patience,
           crypto::RandomSource random);

  // nullptr: none stands for the peer.
  Machine* of(const identity::Peer& peer, identity::Place place) const;
  // nullptr: there is none of that name.
  Machine* named(const std::string& name) const;

 private:
  struct Link {                      // to an issuer, in turn
    std::unique_ptr<IdpClient> own;  // with a certificate
    std::unique_ptr<Issuer> issuer;
  };
  std::vector<Link> links_;
  std::vector<identity::MachineRule> rules_;
  std::vector<std::unique_ptr<Machine>> machines_;  // in the order of the rules
};

}  // namespace veilwire::agent_identity
