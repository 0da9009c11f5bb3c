#include "agent/witness/https_server.h"

#include "agent/host/clock.h"
#include "agent/host/limited_log.h"
#include "agent/host/log.h"
#include "agent/witness/client_name.h"

#include <algorithm>
#include <exception>
#include <list>
#include <memory>
#include <stdexcept>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <unistd.h>

namespace veilwire::witness {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = asio::ssl;
using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::seconds;

using TcpStream = beast::tcp_stream;
using TlsStream = ssl::stream<TcpStream>;

// Connections at once (hosts that open one after the other); more wait in the listener's queue.
constexpr std::size_t kConnections = 2048;
// Bodies that are held at once, of some megabytes each; who comes then is told to come back.
constexpr std::size_t kBodies = 48;
constexpr std::size_t kHead = 16 * 1024;
// Silence that is borne: in a handshake, before the next request of a kept connection, and until a
// body is whole (who drips it would hold its room for as long as they like).
constexpr seconds kHandshakeTime{10}, kIdle{90}, kBodyTime{60}, kWriteTime{30};

auto into(error_code& error) { return asio::redirect_error(asio::use_awaitable, error); }

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

std::unique_ptr<ssl::context> make_context(const TlsFiles& files) {
  auto context = std::make_unique<ssl::context>(ssl::context::tls_server);
  SSL_CTX* handle = context->native_handle();
  ::SSL_CTX_set_security_level(handle, 2);
  ::SSL_CTX_set_min_proto_version(handle, TLS1_2_VERSION);
  ::SSL_CTX_set_cipher_list(handle, "ECDHE+AESGCM:ECDHE+CHACHA20");
  // Nothing is resumed: each connection shows its certificate.
  ::SSL_CTX_set_options(handle, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                    SSL_OP_CIPHER_SERVER_PREFERENCE);
  ::SSL_CTX_set_session_cache_mode(handle, SSL_SESS_CACHE_OFF);
  error_code error;
  context->use_certificate_chain(asio::buffer(files.certificate_pem), error);
  if (error) fail("certificate: " + error.message());
  context->use_private_key(asio::buffer(files.key_pem), ssl::context::pem, error);
  if (error || ::SSL_CTX_check_private_key(handle) != 1)
    fail("certificate_key: is not the key of the certificate");
  context->add_certificate_authority(asio::buffer(files.client_ca_pem), error);
  if (error) fail("client_ca: " + error.message());
  context->set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
  return context;
}

std::string peer_name(TlsStream& stream) {
  const std::unique_ptr<X509, decltype(&::X509_free)> certificate(
      ::SSL_get1_peer_certificate(stream.native_handle()), &::X509_free);
  return certificate ? client_name(certificate.get()) : "";
}

template <class Response>
void set_common(Response& response, const Answered& answered, bool keep_alive) {
  response.result(static_cast<unsigned>(answered.status));
  response.keep_alive(keep_alive);
  if (!answered.content_type.empty())
    response.set(http::field::content_type, answered.content_type);
  if (answered.retry_after)
    response.set(http::field::retry_after, std::to_string(answered.retry_after->count()));
}

}  // namespace

class HttpsServer::Impl {
 public:
  Impl(const HttpsServerOptions& options, std::function<Answered(const Asked&)> answer)
      : answer_(std::move(answer)),
        most_body_(options.most_body),
        tls_(options.tls ? make_context(*options.tls) : nullptr),
        acceptor_(io_),
        room_(io_),
        pool_(static_cast<std::size_t>(options.threads)) {
    const auto address = asio::ip::make_address(options.address);
    const tcp::endpoint endpoint(address, options.port);
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    if (address.is_v6()) acceptor_.set_option(asio::ip::v6_only(false));
    acceptor_.bind(endpoint);
    acceptor_.listen();
  }
  ~Impl() { pool_.join(); }

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  void run(int stop) {
    asio::posix::stream_descriptor ending(io_, ::dup(stop));
    ending.async_wait(asio::posix::stream_descriptor::wait_read,
                      [this](const error_code&) { io_.stop(); });
    asio::co_spawn(io_, accept(), asio::detached);
    io_.run();
    pool_.join();
  }

 private:
  awaitable<void> accept() {
    for (;;) {
      while (connections_ == kConnections) {
        error_code woken;
        room_.expires_at(asio::steady_timer::time_point::max());
        co_await room_.async_wait(into(woken));
      }
      error_code error;
      tcp::socket socket(io_);
      co_await acceptor_.async_accept(socket, into(error));
      if (error) {
        // Descriptors are short, or the peer has gone already.
        refusals_.warning("accept: " + error.message(), host::now().mono);
        error_code waited;
        asio::steady_timer pause(io_, std::chrono::milliseconds(100));
        co_await pause.async_wait(into(waited));
        continue;
      }
      ++connections_;
      asio::co_spawn(io_, serve(std::move(socket)), [this](const std::exception_ptr& broken) {
        if (broken) refusals_.warning("a connection ended with an exception", host::now().mono);
        --connections_;
        room_.cancel();
      });
    }
  }

  awaitable<void> serve(tcp::socket socket) {
    error_code error;
    socket.set_option(tcp::no_delay(true), error);
    if (!tls_) {
      TcpStream stream(std::move(socket));
      co_await talk(stream, "loopback");
      co_return;
    }
    TlsStream stream(TcpStream(std::move(socket)), *tls_);
    stream.next_layer().expires_after(kHandshakeTime);
    co_await stream.async_handshake(ssl::stream_base::server, into(error));
    if (error) {
      refusals_.warning("a handshake failed: " + error.message(), host::now().mono);
      co_return;
    }
    co_await talk(stream, peer_name(stream));
    stream.next_layer().expires_after(kWriteTime);
    co_await stream.async_shutdown(into(error));
  }

  static TcpStream& lowest(TcpStream& stream) { return stream; }
  static TcpStream& lowest(TlsStream& stream) { return stream.next_layer(); }

  // One request after the other.
  template <class Stream>
  awaitable<void> talk(Stream& stream, const std::string client) {
    beast::flat_buffer buffer;
    bool keep_alive = true;
    while (keep_alive) {
      http::request_parser<http::string_body> parser;
      parser.header_limit(kHead);
      parser.body_limit(most_body_);
      error_code error;
      lowest(stream).expires_after(kIdle);
      co_await http::async_read_header(stream, buffer, parser, into(error));
      if (error == http::error::end_of_stream) co_return;
      keep_alive = parser.get().keep_alive();
      Answered answered;
      if (!error && bodies_ < kBodies) {
        answered = co_await read_and_answer(stream, buffer, parser, client, error);
      } else if (!error) {
        answered = {503, "text/plain", "too many requests at once\n", seconds(1)};
        keep_alive = false;
      }
      if (error == http::error::body_limit) {
        answered = {413, "text/plain", "the body is too large\n", {}};
      } else if (error.category() == http::make_error_code(http::error::bad_version).category()) {
        answered = {400, "text/plain", "that is no HTTP/1.1\n", {}};
      } else if (error) {
        co_return;  // the connection is gone, or too slow
      }
      keep_alive = keep_alive && !error;
      http::response<http::string_body> response;
      set_common(response, answered, keep_alive);
      response.body() = std::move(answered.body);
      response.prepare_payload();
      lowest(stream).expires_after(kWriteTime);
      co_await http::async_write(stream, response, into(error));
      if (error) co_return;
    }
  }

  template <class Stream, class Parser>
  awaitable<Answered> read_and_answer(Stream& stream, beast::flat_buffer& buffer, Parser& parser,
                                      const std::string& client, error_code& error) {
    const Counted counted(bodies_);
    lowest(stream).expires_after(kBodyTime);
    const bool waits = parser.get()[http::field::expect] == "100-continue";
    if (waits && !parser.is_done()) {
      http::response<http::empty_body> go_on(http::status::continue_, 11);
      co_await http::async_write(stream, go_on, into(error));
      if (error) co_return Answered{};
    }
    co_await http::async_read(stream, buffer, parser, into(error));
    if (error) co_return Answered{};
    auto request = parser.release();
    Asked asked{.client = client,
                .method = std::string(request.method_string()),
                .target = std::string(request.target()),
                .content_type = std::string(request[http::field::content_type]),
                .body = std::move(request.body())};
    lowest(stream).expires_never();
    co_return co_await asio::co_spawn(pool_, on_a_thread(std::move(asked)), asio::use_awaitable);
  }

  awaitable<Answered> on_a_thread(const Asked asked) { co_return answer_(asked); }

  // What is held while this lives.
  class Counted {
   public:
    explicit Counted(std::size_t& count) : count_(++count) {}
    ~Counted() { --count_; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;

   private:
    std::size_t& count_;
  };

  std::function<Answered(const Asked&)> answer_;
  std::size_t most_body_;
  std::unique_ptr<ssl::context> tls_;
  std::size_t connections_ = 0, bodies_ = 0;
  host::LimitedLog refusals_;
  asio::io_context io_{1};
  tcp::acceptor acceptor_;
  asio::steady_timer room_;
  asio::thread_pool pool_;
};

HttpsServer::HttpsServer(const HttpsServerOptions& options,
                         std::function<Answered(const Asked&)> answer)
    : impl_(std::make_unique<Impl>(options, std::move(answer))) {}
HttpsServer::~HttpsServer() = default;

std::uint16_t HttpsServer::port() const { return impl_->port(); }
void HttpsServer::run(int stop) { impl_->run(stop); }

}  // namespace veilwire::witness
