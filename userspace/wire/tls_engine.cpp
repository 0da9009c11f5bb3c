#include "userspace/wire/tls_engine.h"

#include "userspace/crypto/owned.h"
#include "userspace/wire/host_name.h"
#include "userspace/wire/tls_client_state.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

namespace veilwire::wire {

using OwnedSsl = crypto::Owned<SSL, SSL_free>;

// At a stable address: OpenSSL's transport points to it.
struct TlsEngine::Connection {
  ~Connection() {
    // OpenSSL spoils the session of a connection that is freed without a close_notify. That made
    // sense for SSLv3; RFC 5246, 7.2.1 dropped it, and an upstream that just closes is the rule.
    if (ssl && state != State::Failed)
      SSL_set_shutdown(ssl.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  }

  void attach(SSL_CTX* context);
  bool start();
  void run();
  void handshake();
  void decrypt();
  void fail();
  void fail(TlsError why, std::string_view words);

  std::shared_ptr<const TlsServerContext> server;
  std::shared_ptr<TlsClientContext> client;
  SessionOwner owner;  // of a client

  std::string_view input;  // only during receive()
  std::string ciphertext;
  std::string plaintext;
  State state = State::Handshaking;
  TlsError error = TlsError::None;
  std::string detail;
  bool input_ended = false;
  bool truncated = false;
  bool closed = false;
  OwnedSsl ssl;  // last: freed first, while the rest is there
};

namespace {

struct Transport {
  std::string_view* input;
  std::string* output;
};

void require(bool ok) {
  if (!ok) std::abort();
}

int transport_read(BIO* bio, char* out, std::size_t wanted, std::size_t* got) {
  std::string_view& input = *static_cast<Transport*>(BIO_get_data(bio))->input;
  *got = std::min(wanted, input.size());
  if (*got == 0) {
    BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY);
    return 0;
  }
  std::memcpy(out, input.data(), *got);
  input.remove_prefix(*got);
  return 1;
}

int transport_write(BIO* bio, const char* bytes, std::size_t size, std::size_t* written) {
  static_cast<Transport*>(BIO_get_data(bio))->output->append(bytes, size);
  *written = size;
  return 1;
}

long transport_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

int transport_free(BIO* bio) {
  delete static_cast<Transport*>(BIO_get_data(bio));
  return 1;
}

// OpenSSL's own memory BIO keeps a second copy of everything in both directions; this one reads the
// caller's bytes where they lie and appends to the string that the caller will get. The table is
// immutable and lives as long as the process.
const BIO_METHOD* transport_method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "veilwire memory");
    require(m != nullptr && BIO_meth_set_read_ex(m, transport_read) == 1 &&
            BIO_meth_set_write_ex(m, transport_write) == 1 &&
            BIO_meth_set_ctrl(m, transport_control) == 1 &&
            BIO_meth_set_destroy(m, transport_free) == 1);
    return m;
  }();
  return method;
}

// Copies a little into the caller's buffer, gives the caller ours when there is more: and keeps
// neither, since most connections are idle most of the time.
void hand_over(std::string& from, std::string& to) {
  if (to.empty() && to.capacity() < from.size())
    to.swap(from);
  else
    to += from;
  std::string().swap(from);
}

}  // namespace

void TlsEngine::Connection::attach(SSL_CTX* context) {
  ssl.reset(SSL_new(context));
  BIO* bio = BIO_new(transport_method());
  require(ssl != nullptr && bio != nullptr);
  BIO_set_data(bio, new Transport{&input, &ciphertext});
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl.get(), bio, bio);  // takes the one reference for both directions
}

bool TlsEngine::Connection::start() {
  if (!is_host_name(owner.name)) return false;
  SSL* s = ssl.get();
  require(SSL_ctrl(s, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, owner.name.data()) ==
          1);
  // Names from the subject alternative name only; a wildcard stands for one whole label.
  SSL_set_hostflags(s, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  require(SSL_set1_host(s, owner.name.c_str()) == 1);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(owner.now.since_epoch).count();
  X509_VERIFY_PARAM_set_time(SSL_get0_param(s), static_cast<std::time_t>(seconds));
  if (const OwnedSession session = owner.cache->take(owner.name, owner.now))
    SSL_set_session(s, session.get());
  SSL_set_connect_state(s);
  return true;
}

void TlsEngine::Connection::run() {
  if (state == State::Handshaking) handshake();
  if (state == State::Open) decrypt();
}

void TlsEngine::Connection::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl.get());
  if (result == 1)
    state = State::Open;
  else if (SSL_get_error(ssl.get(), result) != SSL_ERROR_WANT_READ)
    fail();
}

void TlsEngine::Connection::decrypt() {
  std::array<char, SSL3_RT_MAX_PLAIN_LENGTH> record;  // not initialised: filled by what is read
  while (state == State::Open) {
    std::size_t size = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(ssl.get(), record.data(), record.size(), &size);
    if (result == 1) {
      plaintext.append(record.data(), size);
      continue;
    }
    switch (SSL_get_error(ssl.get(), result)) {
      case SSL_ERROR_WANT_READ:
        return;
      case SSL_ERROR_ZERO_RETURN:
        state = State::PeerClosed;
        return;
      default:
        fail();
    }
  }
}

void TlsEngine::Connection::fail() {
  const long verified = client ? SSL_get_verify_result(ssl.get()) : X509_V_OK;
  if (verified != X509_V_OK)
    return fail(from_verify_result(verified), X509_verify_cert_error_string(verified));
  const unsigned long code = ERR_peek_error();
  const char* words = ERR_reason_error_string(code);
  fail(code == 0 ? TlsError::Protocol : from_library_error(code), words == nullptr ? "" : words);
}

void TlsEngine::Connection::fail(TlsError why, std::string_view words) {
  state = State::Failed;
  error = why;
  detail = words;
  // A TLS 1.2 session that led here must not lead here again.
  if (client) owner.cache->forget(owner.name);
  ERR_clear_error();
}

TlsEngine::TlsEngine(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
TlsEngine::TlsEngine(TlsEngine&&) noexcept = default;
TlsEngine& TlsEngine::operator=(TlsEngine&&) noexcept = default;
TlsEngine::~TlsEngine() = default;

TlsEngine TlsEngine::server(std::shared_ptr<const TlsServerContext> context) {
  auto connection = std::make_unique<Connection>();
  connection->attach(context->handle());
  connection->server = std::move(context);
  SSL_set_accept_state(connection->ssl.get());
  return TlsEngine(std::move(connection));
}

TlsEngine TlsEngine::client(std::shared_ptr<TlsClientContext> context, std::string_view server_name,
                            WallTime now) {
  auto connection = std::make_unique<Connection>();
  Connection* const c = connection.get();
  c->attach(context->handle());
  c->client = std::move(context);
  c->owner = {&c->client->state_->sessions, std::string(server_name), now};
  SSL_set_ex_data(c->ssl.get(), 0, &c->owner);
  if (c->start())
    c->run();
  else
    c->fail(TlsError::BadServerName, "");
  return TlsEngine(std::move(connection));
}

void TlsEngine::receive(std::string_view ciphertext) {
  Connection& c = *connection_;
  if (c.input_ended) return;
  c.input = ciphertext;
  c.run();
  c.input = {};
}

void TlsEngine::end_of_input() {
  Connection& c = *connection_;
  if (std::exchange(c.input_ended, true)) return;
  if (c.state == State::Handshaking) {
    c.truncated = true;
    c.fail(TlsError::HandshakeCut, "");
  } else if (c.state == State::Open) {
    c.truncated = true;
    c.state = State::PeerClosed;
  }
}

bool TlsEngine::truncated() const { return connection_->truncated; }

void TlsEngine::take_ciphertext(std::string& out) { hand_over(connection_->ciphertext, out); }
void TlsEngine::take_plaintext(std::string& out) { hand_over(connection_->plaintext, out); }
bool TlsEngine::has_ciphertext() const { return !connection_->ciphertext.empty(); }

bool TlsEngine::send(std::string_view plaintext) {
  Connection& c = *connection_;
  if (c.closed || (c.state != State::Open && c.state != State::PeerClosed)) return false;
  if (plaintext.empty()) return true;
  std::size_t written = 0;
  ERR_clear_error();
  // The transport takes everything, so a write is whole or the connection is broken.
  if (SSL_write_ex(c.ssl.get(), plaintext.data(), plaintext.size(), &written) == 1) return true;
  c.fail();
  return false;
}

void TlsEngine::close() {
  Connection& c = *connection_;
  if (std::exchange(c.closed, true) || (c.state != State::Open && c.state != State::PeerClosed))
    return;
  ERR_clear_error();
  SSL_shutdown(c.ssl.get());
}

TlsEngine::State TlsEngine::state() const { return connection_->state; }
TlsError TlsEngine::error() const { return connection_->error; }
std::string_view TlsEngine::error_detail() const { return connection_->detail; }

std::string_view TlsEngine::alpn() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(connection_->ssl.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

std::string_view TlsEngine::version() const { return SSL_get_version(connection_->ssl.get()); }
bool TlsEngine::resumed() const { return SSL_session_reused(connection_->ssl.get()) == 1; }

}  // namespace veilwire::wire
