#include "agent/outbound/link.h"

#include "userspace/wire/tls_engine.h"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace veilwire::outbound {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using wire::TlsEngine;

constexpr std::size_t kPiece = 16 * 1024;

}  // namespace

std::string_view to_string(Error error) {
  switch (error) {
    case Error::NotLoopback:
      return "without TLS loopback addresses alone are spoken to";
    case Error::Unresolved:
      return "its name cannot be resolved";
    case Error::Refused:
      return "no connection";
    case Error::Untrusted:
      return "TLS";
    case Error::Cut:
      return "the connection ended early";
    case Error::Malformed:
      return "its answer is not in its protocol";
    case Error::TooLarge:
      return "its answer is too large";
    case Error::Late:
      return "no answer in time";
  }
  return "";
}

std::string to_string(const Failure& failure) {
  return std::string(to_string(failure.error)) +
         (failure.detail.empty() ? "" : ": " + failure.detail);
}

struct Link::State {
  State(asio::io_context& loop, std::string host_name, std::uint16_t port_number,
        std::optional<Tls> secure)
      : io(loop), resolver(io), socket(io), host(std::move(host_name)), port(port_number) {
    if (secure) tls.emplace(TlsEngine::client(std::move(secure->context), host, secure->now));
  }

  void give_up() {
    late = true;
    end();
  }
  void end() {
    error_code ignored;
    resolver.cancel();
    socket.close(ignored);
  }

  Failure failed(Error error, std::string detail) const {
    if (late) return {Error::Late, ""};
    return {error, std::move(detail)};
  }
  Failure tls_failed() const {
    const bool cut = tls->truncated();
    return failed(cut ? Error::Cut : Error::Untrusted, cut ? "" : std::string(tls->error_detail()));
  }

  Failed read(std::string& out) {
    error_code error;
    const std::size_t size = co_await socket.async_read_some(
        asio::buffer(piece), asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::eof) {
      at_end = true;
    } else if (error) {
      co_return failed(Error::Cut, error.message());
    }
    out.append(piece.data(), size);
    co_return std::nullopt;
  }

  Failed write(std::string bytes) {
    if (bytes.empty()) co_return std::nullopt;
    error_code error;
    co_await asio::async_write(socket, asio::buffer(bytes),
                               asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return failed(Error::Cut, error.message());
    co_return std::nullopt;
  }

  Failed flush() {
    std::string bytes;
    tls->take_ciphertext(bytes);
    co_return co_await write(std::move(bytes));
  }

  // One read, for the engine.
  Failed exchange() {
    if (auto failure = co_await flush()) co_return failure;
    std::string bytes;
    if (auto failure = co_await read(bytes)) co_return failure;
    if (at_end)
      tls->end_of_input();
    else
      tls->receive(bytes);
    (void)co_await flush();  // an alert
    if (tls->state() == TlsEngine::State::Failed) co_return tls_failed();
    if (at_end && tls->state() == TlsEngine::State::Handshaking)
      co_return failed(Error::Cut, "in the handshake");
    co_return std::nullopt;
  }

  // One read, and what it comes to, which with TLS may be nothing.
  Failed take(std::string& out) {
    if (!tls) co_return co_await read(out);
    if (tls->state() != TlsEngine::State::PeerClosed) {
      if (auto failure = co_await exchange()) co_return failure;
      tls->take_plaintext(out);
    }
    if (tls->state() == TlsEngine::State::PeerClosed) at_end = true;
    co_return std::nullopt;
  }

  asio::io_context& io;
  tcp::resolver resolver;
  tcp::socket socket;
  std::string host;
  std::uint16_t port;
  std::optional<TlsEngine> tls;
  std::array<char, kPiece> piece{};
  bool at_end = false;  // the peer's
  bool late = false;    // and closed
};

// The handler of a timer that has run out may come after its Deadline.
struct Link::Deadline::State {
  explicit State(asio::io_context& io) : timer(io) {}
  asio::steady_timer timer;
  bool over = false;
};

Link::Deadline::Deadline(Link& link, std::chrono::milliseconds patience)
    : state_(std::make_shared<State>(link.state_->io)) {
  state_->timer.expires_after(patience);
  state_->timer.async_wait([state = state_, link = link.state_](const error_code& error) {
    if (!error && !state->over) link->give_up();
  });
}

Link::Deadline::~Deadline() {
  state_->over = true;
  state_->timer.cancel();
}

Link::Link(asio::io_context& io, std::string host, std::uint16_t port, std::optional<Tls> tls)
    : state_(std::make_shared<State>(io, std::move(host), port, std::move(tls))) {}
Link::~Link() { state_->end(); }

Link::Failed Link::connect() {
  const auto state = state_;
  error_code error;
  const auto addresses = co_await state->resolver.async_resolve(
      state->host, std::to_string(state->port), asio::redirect_error(asio::use_awaitable, error));
  if (error || state->late) co_return state->failed(Error::Unresolved, error.message());
  const auto is_loopback = [](const auto& entry) {
    return entry.endpoint().address().is_loopback();
  };
  if (!state->tls && !std::all_of(addresses.begin(), addresses.end(), is_loopback))
    co_return state->failed(Error::NotLoopback, "");
  co_await asio::async_connect(state->socket, addresses,
                               asio::redirect_error(asio::use_awaitable, error));
  if (error || state->late) co_return state->failed(Error::Refused, error.message());
  state->socket.set_option(tcp::no_delay(true), error);
  while (state->tls && state->tls->state() == TlsEngine::State::Handshaking) {
    if (auto failure = co_await state->exchange()) co_return failure;
  }
  co_return std::nullopt;
}

Link::Failed Link::send(std::string_view text) {
  const auto state = state_;
  if (!state->tls) co_return co_await state->write(std::string(text));
  if (!state->tls->send(text)) co_return state->tls_failed();
  co_return co_await state->flush();
}

Link::Failed Link::receive(std::string& out) {
  const auto state = state_;
  const std::size_t before = out.size();
  if (state->tls) state->tls->take_plaintext(out);
  while (out.size() == before && !state->at_end) {
    if (auto failure = co_await state->take(out)) co_return failure;
  }
  co_return std::nullopt;
}

Link::Failed Link::end_sending() {
  const auto state = state_;
  if (state->tls) {
    state->tls->close();
    if (auto failure = co_await state->flush()) co_return failure;
  }
  error_code error;
  state->socket.shutdown(tcp::socket::shutdown_send, error);
  if (error) co_return state->failed(Error::Cut, error.message());
  co_return std::nullopt;
}

Link::Failed Link::watch(std::chrono::milliseconds time, std::string& out) {
  const auto state = state_;
  const auto over = std::make_shared<bool>(false);
  asio::steady_timer timer(state->io, time);
  // Waiting for bytes is given up, not reading them: some may be read already.
  timer.async_wait([over, state](const error_code& error) {
    if (error || *over) return;
    *over = true;
    error_code ignored;
    state->socket.cancel(ignored);
  });
  std::optional<Failure> failure;
  while (!*over && !state->at_end && !failure) {
    error_code error;
    co_await state->socket.async_wait(tcp::socket::wait_read,
                                      asio::redirect_error(asio::use_awaitable, error));
    if (*over) break;
    if (error) {
      failure = state->failed(Error::Cut, error.message());
    } else {
      failure = co_await state->take(out);
    }
  }
  *over = true;
  co_return failure;
}

bool Link::ended() const { return state_->at_end; }
bool Link::ended_whole() const { return ended() && !(state_->tls && state_->tls->truncated()); }

}  // namespace veilwire::outbound
