// Two ends of a TLS connection in memory: our engine against itself, and against plain OpenSSL as a
// peer that does what our engine never would.
#pragma once

#include "tests/unit/tls/verifier.h"
#include "userspace/wire/leaf_cert.h"
#include "userspace/wire/tls_engine.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace veilwire::wire::testing {

inline const std::string kHost = "api.example.test";
inline const std::string kTestSerial("0123456789abcdef");

// An authority, and leafs of it for one key.
struct Credentials {
  explicit Credentials(std::chrono::seconds from = -std::chrono::hours(1),
                       std::chrono::seconds to = std::chrono::hours(24),
                       std::vector<std::string> hosts = {kHost, "*.wild.test"})
      : made(std::move(make_ca({"t", std::move(hosts), at(-std::chrono::hours(240)),
                                at(std::chrono::hours(2400)), kTestSerial}))
                 .value()),
        ca(std::move(CertificateAuthority::load(made.certificate_pem, made.key_pem.reveal()))
               .value()),
        from_(from),
        to_(to) {}

  std::string leaf(std::string_view name) const {
    return ca.make_leaf({name, key.public_der(), at(from_), at(to_), kTestSerial})->der;
  }
  TlsServerParameters server_parameters(const std::string& host = kHost) const {
    TlsServerParameters p;
    p.host = host;
    p.chain = {leaf(host)};
    p.key = &key;
    p.tickets = tickets;
    return p;
  }
  std::shared_ptr<const TlsServerContext> server(const std::string& host = kHost) const {
    return std::move(TlsServerContext::make(server_parameters(host))).value();
  }
  std::shared_ptr<TlsClientContext> client() const {
    TlsClientParameters p;
    p.roots_pem = made.certificate_pem;
    return std::move(TlsClientContext::make(p)).value();
  }

  NewCa made;
  CertificateAuthority ca;
  crypto::PrivateKey key = crypto::PrivateKey::generate();
  std::shared_ptr<TicketKeys> tickets =
      std::make_shared<TicketKeys>(crypto::system_random(), Monotonic{});

 private:
  std::chrono::seconds from_, to_;
};

// Plain OpenSSL over its own memory BIOs.
class RawPeer {
 public:
  static RawPeer client(int max_version = TLS1_3_VERSION, const std::string& name = kHost) {
    RawPeer peer(TLS_client_method());
    SSL_set_max_proto_version(peer.ssl(), max_version);
    std::string host = name;
    if (!host.empty())
      SSL_ctrl(peer.ssl(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, host.data());
    SSL_set_connect_state(peer.ssl());
    return peer;
  }
  static RawPeer server(const Credentials& credentials, int max_version = TLS1_3_VERSION,
                        const std::string& host = kHost) {
    RawPeer peer(TLS_server_method());
    const auto leaf = parse_der(credentials.leaf(host));
    SSL_use_certificate(peer.ssl(), leaf.get());
    SSL_use_PrivateKey(peer.ssl(), credentials.key.handle());
    SSL_set_max_proto_version(peer.ssl(), max_version);
    SSL_set_accept_state(peer.ssl());
    return peer;
  }

  SSL* ssl() const { return ssl_.get(); }
  void receive(std::string_view bytes) {
    if (!bytes.empty())
      BIO_write(SSL_get_rbio(ssl()), bytes.data(), static_cast<int>(bytes.size()));
    step();
  }
  void take_ciphertext(std::string& out) {
    step();
    char buffer[4096];
    for (int n; (n = BIO_read(SSL_get_wbio(ssl()), buffer, sizeof buffer)) > 0;)
      out.append(buffer, static_cast<std::size_t>(n));
  }
  void send(std::string_view text) { SSL_write(ssl(), text.data(), static_cast<int>(text.size())); }

  std::string plaintext;
  int error = SSL_ERROR_NONE;  // the first fatal one
  unsigned long error_code = 0;

 private:
  explicit RawPeer(const SSL_METHOD* method)
      : ctx_(SSL_CTX_new(method)), ssl_(SSL_new(ctx_.get())) {
    SSL_set_bio(ssl(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  }
  void step() {
    char buffer[16384];
    for (;;) {
      ERR_clear_error();
      const int n = SSL_read(ssl(), buffer, sizeof buffer);
      if (n <= 0) {
        const int e = SSL_get_error(ssl(), n);
        if (e != SSL_ERROR_WANT_READ && error == SSL_ERROR_NONE)
          error = e, error_code = ERR_peek_error();
        return;
      }
      plaintext.append(buffer, static_cast<std::size_t>(n));
    }
  }
  crypto::Owned<SSL_CTX, SSL_CTX_free> ctx_;
  crypto::Owned<SSL, SSL_free> ssl_;
};

// Moves ciphertext both ways until both are silent; in pieces of `step` bytes.
template <class A, class B>
void shuttle(A& a, B& b, std::size_t step = SIZE_MAX) {
  const auto move = [step](auto& from, auto& to) {
    std::string bytes;
    from.take_ciphertext(bytes);
    for (std::size_t i = 0; i < bytes.size(); i += std::min(step, bytes.size() - i))
      to.receive(std::string_view(bytes).substr(i, step));
    return !bytes.empty();
  };
  while (true) {
    const bool forth = move(a, b), back = move(b, a);
    if (!forth && !back) return;
  }
}

inline std::string received(TlsEngine& engine) {
  std::string out;
  engine.take_plaintext(out);
  return out;
}
inline std::string received(RawPeer& peer) { return std::exchange(peer.plaintext, {}); }

}  // namespace veilwire::wire::testing
