#include "agent/setup/handshake.h"

#include "agent/host/unique_fd.h"
#include "userspace/crypto/owned.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <netdb.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <poll.h>
#include <sys/socket.h>

namespace veilwire::setup {
namespace {

using crypto::Owned;
using Clock = std::chrono::steady_clock;

void require(bool ok) {
  if (!ok) std::abort();
}

// false: not in time.
bool wait_for(int fd, short events, Clock::time_point end) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    pollfd one{fd, events, 0};
    const int ready = left.count() <= 0 ? 0 : ::poll(&one, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    return ready > 0;
  }
}

// Each address in turn; without a connection `why` says what the last one gave.
host::UniqueFd connect_to(const HandshakeWith& with, Clock::time_point end, std::string& why) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  const int error =
      ::getaddrinfo(with.node.c_str(), std::to_string(with.port).c_str(), &hints, &found);
  if (error != 0) {
    why = ::gai_strerror(error);
    return {};
  }
  const Owned<addrinfo, ::freeaddrinfo> addresses(found);
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    host::UniqueFd fd(
        ::socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, one->ai_protocol));
    if (!fd) continue;
    int result = ::connect(fd.get(), one->ai_addr, one->ai_addrlen) == 0 ? 0 : errno;
    if (result == EINPROGRESS) {
      socklen_t size = sizeof result;
      result = ETIMEDOUT;
      if (wait_for(fd.get(), POLLOUT, end))
        require(::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &result, &size) == 0);
    }
    if (result == 0) return fd;
    why = std::strerror(result);
  }
  return {};
}

// Every certificate of the chain is one to end at: whether a root is behind it is not asked here.
Owned<SSL_CTX, SSL_CTX_free> trusting(const std::string& chain) {
  Owned<SSL_CTX, SSL_CTX_free> context(SSL_CTX_new(TLS_client_method()));
  const Owned<BIO, BIO_free_all> bio(BIO_new_mem_buf(chain.data(), static_cast<int>(chain.size())));
  require(context != nullptr && bio != nullptr);
  X509_STORE* store = SSL_CTX_get_cert_store(context.get());
  require(X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1);
  while (const Owned<X509, X509_free> one{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)})
    require(X509_STORE_add_cert(store, one.get()) == 1);
  ERR_clear_error();
  // Judged afterwards: a handshake that is broken off does not say whose certificate it saw.
  // Nothing is sent over it.
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  return context;
}

std::string last_error() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "the connection was closed" : reason;
}

std::string issuer_of(const X509* certificate) {
  const Owned<BIO, BIO_free_all> bio(BIO_new(BIO_s_mem()));
  require(bio != nullptr);
  X509_NAME_print_ex(bio.get(), X509_get_issuer_name(certificate), 0, XN_FLAG_RFC2253);
  std::string text(BIO_ctrl_pending(bio.get()), '\0');
  BIO_read(bio.get(), text.data(), static_cast<int>(text.size()));
  return text;
}

}  // namespace

Handshake try_handshake(const HandshakeWith& with, const std::string& chain,
                        std::chrono::milliseconds patience) {
  const auto end = Clock::now() + patience;
  Handshake result;
  const host::UniqueFd fd = connect_to(with, end, result.detail);
  if (!fd) return result;
  const auto context = trusting(chain);
  const Owned<SSL, SSL_free> tls(SSL_new(context.get()));
  require(tls != nullptr && SSL_set_fd(tls.get(), fd.get()) == 1 &&
          SSL_ctrl(tls.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                   const_cast<char*>(with.name.c_str())) == 1 &&
          SSL_set1_host(tls.get(), with.name.c_str()) == 1);
  ERR_clear_error();
  for (;;) {
    const int done = SSL_connect(tls.get());
    if (done == 1) break;
    const int wants = SSL_get_error(tls.get(), done);
    if (wants != SSL_ERROR_WANT_READ && wants != SSL_ERROR_WANT_WRITE)
      return {Handshake::Seen::Nothing, last_error()};
    if (!wait_for(fd.get(), wants == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, end))
      return {Handshake::Seen::Nothing, "no answer in time"};
  }
  const Owned<X509, X509_free> shown(SSL_get1_peer_certificate(tls.get()));
  if (shown == nullptr) return {Handshake::Seen::Nothing, "no certificate was shown"};
  if (SSL_get_verify_result(tls.get()) == X509_V_OK) return {Handshake::Seen::Agent, {}};
  ERR_clear_error();
  return {Handshake::Seen::Other, "the certificate there is of " + issuer_of(shown.get())};
}

}  // namespace veilwire::setup
