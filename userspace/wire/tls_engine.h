// One TLS connection as a value machine: ciphertext in and out, plaintext in and out. OpenSSL runs
// over memory, so a whole handshake fits in a test, and nothing here owns a socket. OpenSSL itself
// draws randomness and reads the clock for ticket ages; certificates are judged at the time that is
// given.
//
// The caller moves bytes: after every call it takes the ciphertext and sends it, a failure's alert
// included. Memory is bounded by the caller: a receive() yields no more plaintext than the
// ciphertext it was given plus one record. Tested by tests/unit/tls/tls_engine_test.cpp,
// tls_failure_test.cpp and resumption_test.cpp.
#pragma once

#include "userspace/base/time.h"
#include "userspace/wire/tls_context.h"
#include "userspace/wire/tls_error.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace veilwire::wire {

class TlsEngine {
 public:
  enum class State : std::uint8_t {
    Handshaking,
    Open,
    PeerClosed,  // nothing more will come; we may still send
    Failed,      // see error(); the alert for the peer is in the ciphertext
  };

  // Waits for the client's first bytes.
  static TlsEngine server(std::shared_ptr<const TlsServerContext> context);
  // The ClientHello is ready to be taken. server_name is what the certificate must be valid for at
  // `now`.
  static TlsEngine client(std::shared_ptr<TlsClientContext> context, std::string_view server_name,
                          WallTime now);

  TlsEngine(TlsEngine&&) noexcept;
  TlsEngine& operator=(TlsEngine&&) noexcept;
  ~TlsEngine();

  // Takes all bytes, whatever they are. Ignored once the peer has closed or the engine has failed.
  void receive(std::string_view ciphertext);
  // The transport has ended. Without a close_notify before it, truncated() is true from here on:
  // what came may be a part of what was sent (RFC 8446, 6.1).
  void end_of_input();
  bool truncated() const;

  // Both append what is ready and keep no memory of it.
  void take_ciphertext(std::string& out);
  void take_plaintext(std::string& out);
  bool has_ciphertext() const;

  // False when the engine is not Open or PeerClosed, or after close().
  [[nodiscard]] bool send(std::string_view plaintext);
  // Says that nothing more will be sent (close_notify). What the peer still sends can be received.
  void close();

  State state() const;
  TlsError error() const;
  // OpenSSL's words for error(), for a log line; never bytes of the peer.
  std::string_view error_detail() const;

  // Known once Open.
  std::string_view alpn() const;     // empty: none was agreed
  std::string_view version() const;  // "TLSv1.3"
  bool resumed() const;

 private:
  struct Connection;
  explicit TlsEngine(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace veilwire::wire
