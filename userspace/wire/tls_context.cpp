#include "userspace/wire/tls_context.h"

#include "userspace/crypto/hash.h"
#include "userspace/crypto/owned.h"
#include "userspace/wire/tls_client_state.h"

#include <climits>
#include <cstdlib>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace veilwire::wire {
namespace {

using crypto::Owned;
using OwnedCert = Owned<X509, X509_free>;

void require(bool ok) {
  if (!ok) std::abort();
}

OwnedContext new_context(const SSL_METHOD* method) {
  OwnedContext context(SSL_CTX_new(method));
  SSL_CTX* c = context.get();
  require(c != nullptr);
  require(SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) == 1);
  SSL_CTX_set_security_level(c, 2);
  // TLS 1.2 with forward secrecy and authenticated encryption only; the TLS 1.3 suites are all of
  // that kind.
  require(SSL_CTX_set_cipher_list(c, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1);
  SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                             SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  // An idle connection keeps no record buffers: 34 kB less for each.
  SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
  return context;
}

// RFC 7301, 3.1: names with a length in front. Empty when a name cannot be spelt so.
std::string alpn_wire(const std::vector<std::string>& names) {
  std::string wire;
  for (const std::string& name : names) {
    if (name.empty() || name.size() > 255) return "";
    wire += static_cast<char>(name.size());
    wire += name;
  }
  return wire;
}

const unsigned char* octets(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

// Ours decides the order. A client that offers protocols and none of ours is told so (RFC
// 7301, 3.2): going on would leave each side to guess.
int select_alpn(SSL*, const unsigned char** selected, unsigned char* selected_size,
                const unsigned char* offered, unsigned offered_size, void* ours) {
  const auto& wire = *static_cast<const std::string*>(ours);
  unsigned char* match = nullptr;
  const int answer =
      SSL_select_next_proto(&match, selected_size, octets(wire), static_cast<unsigned>(wire.size()),
                            offered, offered_size);
  if (answer != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *selected = match;
  return SSL_TLSEXT_ERR_OK;
}

int keep_session(SSL* ssl, SSL_SESSION* session) {
  const auto* owner = static_cast<const SessionOwner*>(SSL_get_ex_data(ssl, 0));
  owner->cache->put(owner->name, OwnedSession(session), owner->now);
  return 1;  // the reference is ours now
}

std::vector<OwnedCert> read_certificates(std::string_view pem) {
  std::vector<OwnedCert> certificates;
  if (pem.empty() || pem.size() > INT_MAX) return certificates;
  const Owned<BIO, BIO_free_all> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  require(bio != nullptr);
  while (OwnedCert next{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)})
    certificates.push_back(std::move(next));
  return certificates;
}

bool show(SSL_CTX* c, std::string_view certificate_pem, const crypto::PrivateKey* key) {
  bool leaf = true;
  for (const OwnedCert& certificate : read_certificates(certificate_pem)) {
    const bool added = leaf ? SSL_CTX_use_certificate(c, certificate.get()) == 1
                            : SSL_CTX_add1_chain_cert(c, certificate.get()) == 1;
    if (!added) return false;
    leaf = false;
  }
  const bool fits = !leaf && key != nullptr && SSL_CTX_use_PrivateKey(c, key->handle()) == 1 &&
                    SSL_CTX_check_private_key(c) == 1;
  ERR_clear_error();
  return fits;
}

}  // namespace

void FreeContext::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

struct TlsServerContext::State {
  OwnedContext context;
  std::string alpn;
  std::shared_ptr<TicketKeys> tickets;
};

TlsServerContext::TlsServerContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsServerContext::~TlsServerContext() = default;
SSL_CTX* TlsServerContext::handle() const { return state_->context.get(); }

Result<std::shared_ptr<const TlsServerContext>, TlsError> TlsServerContext::make(
    const TlsServerParameters& parameters) {
  auto state = std::make_unique<State>();
  state->context = new_context(TLS_server_method());
  SSL_CTX* c = state->context.get();
  bool leaf = true;
  for (const std::string& der : parameters.chain) {
    const unsigned char* at = octets(der);
    const OwnedCert certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    if (!certificate || at != octets(der) + der.size()) return Unexpected{TlsError::BadCredentials};
    const bool added = leaf ? SSL_CTX_use_certificate(c, certificate.get()) == 1
                            : SSL_CTX_add1_chain_cert(c, certificate.get()) == 1;
    if (!added) return Unexpected{TlsError::BadCredentials};
    leaf = false;
  }
  if (leaf || parameters.key == nullptr ||
      SSL_CTX_use_PrivateKey(c, parameters.key->handle()) != 1 || SSL_CTX_check_private_key(c) != 1)
    return Unexpected{TlsError::BadCredentials};

  // Tickets only: no store on our side. The context's id binds a ticket to its host; without it, a
  // ticket that was given for one host would open a connection to another, past the certificate.
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  const crypto::Digest id = crypto::sha256(parameters.host);
  require(SSL_CTX_set_session_id_context(c, id.data(), static_cast<unsigned>(id.size())) == 1);
  state->tickets = parameters.tickets;
  if (state->tickets)
    state->tickets->install(c);
  else
    SSL_CTX_set_options(c, SSL_OP_NO_TICKET), require(SSL_CTX_set_num_tickets(c, 0) == 1);

  state->alpn = alpn_wire(parameters.alpn);
  if (!state->alpn.empty()) SSL_CTX_set_alpn_select_cb(c, select_alpn, &state->alpn);
  return std::shared_ptr<const TlsServerContext>(new TlsServerContext(std::move(state)));
}

TlsClientContext::TlsClientContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsClientContext::~TlsClientContext() = default;
SSL_CTX* TlsClientContext::handle() const { return state_->context.get(); }
std::size_t TlsClientContext::sessions() const { return state_->sessions.size(); }

Result<std::shared_ptr<TlsClientContext>, TlsError> TlsClientContext::make(
    const TlsClientParameters& parameters) {
  auto state = std::make_unique<State>();
  state->context = new_context(TLS_client_method());
  SSL_CTX* c = state->context.get();
  const std::vector<OwnedCert> never = read_certificates(parameters.never_trust_pem);
  X509_STORE* store = SSL_CTX_get_cert_store(c);
  std::size_t trusted = 0;
  for (const OwnedCert& root : read_certificates(parameters.roots_pem)) {
    bool wanted = true;
    for (const OwnedCert& ours : never) wanted = wanted && X509_cmp(root.get(), ours.get()) != 0;
    if (wanted && X509_STORE_add_cert(store, root.get()) == 1) ++trusted;
  }
  ERR_clear_error();  // the end of each PEM text
  if (trusted == 0) return Unexpected{TlsError::BadTrustStore};
  if ((parameters.key != nullptr || !parameters.certificate_pem.empty()) &&
      !show(c, parameters.certificate_pem, parameters.key))
    return Unexpected{TlsError::BadCredentials};
  SSL_CTX_set_verify(c, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(c, keep_session);
  const std::string alpn = alpn_wire(parameters.alpn);
  if (!alpn.empty())
    require(SSL_CTX_set_alpn_protos(c, octets(alpn), static_cast<unsigned>(alpn.size())) == 0);
  return std::shared_ptr<TlsClientContext>(new TlsClientContext(std::move(state)));
}

}  // namespace veilwire::wire
