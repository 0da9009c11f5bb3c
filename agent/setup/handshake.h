// Whether a client of this host is answered by the agent: a TLS handshake with an intercepted host,
// as a client would make it, that trusts our CA and nobody else. Tested by
// tests/unit/setup/handshake_test.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace veilwire::setup {

struct Handshake {
  enum class Seen : std::uint8_t {
    Agent,    // a certificate of our CA, for this name
    Other,    // somebody else's: the connection went past the agent
    Nothing,  // no handshake came about, which may be the network's doing
  };
  Seen seen = Seen::Nothing;
  std::string detail;  // for a person: whose certificate, or what failed
};

struct HandshakeWith {
  std::string name;  // that is asked for
  std::string node;  // where; a name or an address
  std::uint16_t port = 443;
};

// SIGPIPE has to be ignored. chain: what the programs call `certificate`, PEM.
Handshake try_handshake(const HandshakeWith& with, const std::string& chain,
                        std::chrono::milliseconds patience);

}  // namespace veilwire::setup
