// Asks veilwire-saml to begin a sign-in at a SAML 2.0 IdP and to read the response of it. Each
// question has a connection of its own, which the other side's queue keeps while it restarts; none
// blocks. Tested by tests/unit/identity/saml_link_test.cpp, and by tests/unit/saml/program_test.cpp
// against the real program.
//
// How a sign-in goes, for who takes it into the daemon:
// 1. A peer asks to sign in. Make a random RelayState (base64url of 16 bytes: it must fit
//    limits::kSamlRelayState), begin(), and keep {RelayState, request_id, the peer's binding} for a
//    few minutes. Give the peer the url, for its browser.
// 2. `veilwire login` listens on the callback, which is fixed ([saml] callback), and takes one POST
//    of application/x-www-form-urlencoded there: identity::parse_form, with limits::kSamlResponse
//    and as much again for escapes as its bound. It passes SAMLResponse and RelayState on over the
//    local socket, and reads neither.
// 3. Find what was kept by RelayState, and take it away before finish() is asked: a request is
//    answered once, whatever the answer. The binding is the one that began and not the one that
//    brings the response; where they differ, refuse.
// 4. identity::token_of() with [identity]'s SamlSettings, owns_account() with the rules of this
//    issuer, then SessionTable::add(): userspace/identity/saml_person.h says with what.
// A refusal's message is for the person and the record; it holds nothing of the response but what
// is printable and bounded.
#pragma once

#include "agent/host/protocol/saml.h"
#include "userspace/base/result.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace veilwire::agent_identity {

struct SamlTrouble {
  // Empty: no answer has come, and the same may be asked again.
  std::optional<host::protocol::SamlError> refused;
  std::string message;  // a sentence for the person
};

class SamlLink {
 public:
  SamlLink(boost::asio::io_context& io, std::string socket_path,
           std::chrono::milliseconds patience = std::chrono::seconds(10));

  // It must outlive the coroutines. Questions are variables with names: GCC 12 destroys a braced
  // list inside of a co_await expression twice.
  boost::asio::awaitable<Result<host::protocol::SamlBegun, SamlTrouble>> begin(
      host::protocol::SamlBegin question);
  boost::asio::awaitable<Result<identity::SamlAssertion, SamlTrouble>> finish(
      host::protocol::SamlFinish question);

 private:
  boost::asio::io_context& io_;
  std::string path_;
  std::chrono::milliseconds patience_;
  std::uint64_t last_id_ = 0;
};

}  // namespace veilwire::agent_identity
