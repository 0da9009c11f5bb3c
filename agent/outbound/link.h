// One connection to elsewhere: TCP, with TLS or without. Every program of the agent that leaves the
// host does it through here, so that whom to trust is decided in one place: with TLS a certificate
// for the name that was asked for, without it loopback addresses alone, where tests and local
// receivers are. Tested by tests/unit/identity/idp_client_test.cpp and those of the forwarder's
// sinks, over real sockets.
#pragma once

#include "userspace/base/time.h"
#include "userspace/wire/tls_context.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace veilwire::outbound {

enum class Error : std::uint8_t {
  NotLoopback,  // without TLS, to somewhere else
  Unresolved,   // its name has no address
  Refused,      // no address takes a connection
  Untrusted,    // TLS: its certificate is not what it should be, or there is no common ground
  Cut,          // the connection ended early
  Malformed,    // what came is not what its protocol says
  TooLarge,     // what came is beyond its bound
  Late,         // nothing in time
};
std::string_view to_string(Error error);

struct Failure {
  Error error = Error::Late;
  std::string detail;  // of the system or OpenSSL, never bytes of the peer
};
// For an operator.
std::string to_string(const Failure& failure);

// Whom to trust, and the time at which certificates are judged.
struct Tls {
  std::shared_ptr<wire::TlsClientContext> context;
  WallTime now;
};

class Link {
 public:
  using Failed = boost::asio::awaitable<std::optional<Failure>>;

  // tls: nullopt for none. host: a name, or an address without brackets.
  Link(boost::asio::io_context& io, std::string host, std::uint16_t port, std::optional<Tls> tls);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // While one lives, whatever waits in the link ends with Error::Late after this time, and the
  // connection with it.
  class Deadline {
   public:
    Deadline(Link& link, std::chrono::milliseconds patience);
    ~Deadline();
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;

   private:
    struct State;
    std::shared_ptr<State> state_;
  };

  // First, and once. What is sent follows the handshake.
  Failed connect();
  Failed send(std::string_view text);
  // Appends what comes next; nothing where the peer has ended.
  Failed receive(std::string& out);
  // Says that nothing more will be sent; what the peer still sends can be received.
  Failed end_sending();
  // Waits for this long whether the peer ends, and appends what it sends meanwhile.
  Failed watch(std::chrono::milliseconds time, std::string& out);

  // The peer has ended, and as it should: with TLS, it has said so under its key.
  bool ended() const;
  bool ended_whole() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace veilwire::outbound
