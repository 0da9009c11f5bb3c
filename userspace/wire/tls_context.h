// What many TLS connections have in common: the certificate that is shown for one host (server
// side), or whom to trust (client side). Floor for both: TLS 1.2, ECDHE with AEAD, security level
// 2, no renegotiation, no compression. Tested by tests/unit/tls/tls_*_test.cpp and
// resumption_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/time.h"
#include "userspace/crypto/private_key.h"
#include "userspace/wire/ticket_keys.h"
#include "userspace/wire/tls_error.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct ssl_ctx_st;
struct ssl_session_st;

namespace veilwire::wire {

struct TlsServerParameters {
  std::string host;                // the name that the chain is for; tickets are bound to it
  std::vector<std::string> chain;  // DER, the leaf first
  const crypto::PrivateKey* key = nullptr;
  std::vector<std::string> alpn = {
      "http/1.1"};  // in our order of preference; clients without ALPN are served too
  std::shared_ptr<TicketKeys> tickets;
};

class TlsServerContext {
 public:
  static Result<std::shared_ptr<const TlsServerContext>, TlsError> make(
      const TlsServerParameters& parameters);
  ~TlsServerContext();
  TlsServerContext(const TlsServerContext&) = delete;
  TlsServerContext& operator=(const TlsServerContext&) = delete;

  ssl_ctx_st* handle() const;

 private:
  struct State;
  explicit TlsServerContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct TlsClientParameters {
  // Trust anchors, PEM: the content of the system's bundle or of one CA file.
  std::string_view roots_pem;
  // Taken out of them: our own CA stands in the system's store, and what it signed says nothing
  // about an upstream.
  std::string_view never_trust_pem = {};
  // Shown to a server that asks for one (RFC 8446, 4.4.2): its own, then those that lead to a root.
  // Both or neither.
  std::string_view certificate_pem = {};
  const crypto::PrivateKey* key = nullptr;
  std::vector<std::string> alpn = {"http/1.1"};
};

// Belongs to one thread, with all engines made from it: it keeps the sessions that upstreams gave.
class TlsClientContext {
 public:
  static Result<std::shared_ptr<TlsClientContext>, TlsError> make(
      const TlsClientParameters& parameters);
  ~TlsClientContext();
  TlsClientContext(const TlsClientContext&) = delete;
  TlsClientContext& operator=(const TlsClientContext&) = delete;

  ssl_ctx_st* handle() const;
  std::size_t sessions() const;  // kept, all names together

 private:
  friend class TlsEngine;
  struct State;
  explicit TlsClientContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace veilwire::wire
