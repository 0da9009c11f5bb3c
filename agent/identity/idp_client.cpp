#include "agent/identity/idp_client.h"

#include "userspace/base/limits.h"
#include "userspace/wire/tls_engine.h"

#include <algorithm>
#include <array>
#include <optional>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace veilwire::agent_identity {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using identity::IdpRequest;
using identity::IdpResponse;
using wire::TlsEngine;

constexpr std::size_t kPiece = 16 * 1024;

Secret serialized(const IdpRequest& request) {
  const bool post = request.method == IdpRequest::Method::Post;
  SecretBuilder out;
  out.append(post ? "POST " : "GET ").append(request.url.target);
  out.append(" HTTP/1.1\r\nHost: ").append(request.url.authority);
  out.append("\r\nAccept: application/json\r\nConnection: close\r\n");
  if (!request.authorization.empty())
    out.append("Authorization: ").append(request.authorization.reveal()).append("\r\n");
  if (post) {
    out.append(request.body_type == IdpRequest::BodyType::Json
                   // What is said in it is in English (RFC 8936, 2.4.4).
                   ? "Content-Type: application/json\r\nContent-Language: en\r\n"
                   : "Content-Type: application/x-www-form-urlencoded\r\n");
    out.append("Content-Length: " + std::to_string(request.body.reveal().size()) + "\r\n");
  }
  return out.append("\r\n").append(post ? request.body.reveal() : "").take();
}

// One connection's bytes, with TLS or without.
class Link {
 public:
  Link(asio::io_context& io, std::optional<TlsEngine> tls)
      : resolver(io), socket(io), tls_(std::move(tls)) {}

  tcp::resolver resolver;
  tcp::socket socket;
  bool late = false;  // and closed

  asio::awaitable<std::optional<IdpClientFailure>> send(std::string_view text) {
    if (!tls_) co_return co_await write(std::string(text));
    while (tls_->state() == TlsEngine::State::Handshaking) {
      if (auto failure = co_await exchange()) co_return failure;
    }
    if (!tls_->send(text)) co_return failed();
    co_return co_await flush();
  }

  // Appends what comes next; nothing where the peer has ended.
  asio::awaitable<std::optional<IdpClientFailure>> receive(std::string& out) {
    const std::size_t before = out.size();
    while (out.size() == before && !ended_) {
      if (!tls_) {
        if (auto failure = co_await read(out)) co_return failure;
        continue;
      }
      tls_->take_plaintext(out);
      if (out.size() != before) break;
      if (tls_->state() == TlsEngine::State::PeerClosed) {
        ended_ = true;
        break;
      }
      if (auto failure = co_await exchange()) co_return failure;
    }
    co_return std::nullopt;
  }
  // It has ended as it should.
  bool whole() const { return !tls_ || !tls_->truncated(); }

 private:
  IdpClientFailure failed() const {
    const bool cut = tls_->truncated();
    return {cut ? IdpClientError::Cut : IdpClientError::Untrusted,
            std::string(cut ? "the connection ended early" : tls_->error_detail())};
  }

  asio::awaitable<std::optional<IdpClientFailure>> exchange() {
    if (auto failure = co_await flush()) co_return failure;
    std::string bytes;
    if (auto failure = co_await read(bytes)) co_return failure;
    if (ended_)
      tls_->end_of_input();
    else
      tls_->receive(bytes);
    (void)co_await flush();  // an alert
    if (tls_->state() == TlsEngine::State::Failed) co_return failed();
    if (ended_ && tls_->state() == TlsEngine::State::Handshaking)
      co_return IdpClientFailure{IdpClientError::Cut, "the connection ended in the handshake"};
    co_return std::nullopt;
  }

  asio::awaitable<std::optional<IdpClientFailure>> flush() {
    std::string bytes;
    tls_->take_ciphertext(bytes);
    co_return co_await write(std::move(bytes));
  }

  asio::awaitable<std::optional<IdpClientFailure>> write(std::string bytes) {
    error_code error;
    co_await asio::async_write(socket, asio::buffer(bytes),
                               asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return IdpClientFailure{IdpClientError::Cut, error.message()};
    co_return std::nullopt;
  }

  asio::awaitable<std::optional<IdpClientFailure>> read(std::string& out) {
    error_code error;
    const std::size_t size = co_await socket.async_read_some(
        asio::buffer(piece_), asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::eof) {
      ended_ = true;
    } else if (error) {
      co_return IdpClientFailure{IdpClientError::Cut, error.message()};
    }
    out.append(piece_.data(), size);
    co_return std::nullopt;
  }

  std::optional<TlsEngine> tls_;
  std::array<char, kPiece> piece_{};
  bool ended_ = false;
};

IdpClientFailure not_http(const error_code& error) {
  const bool large = error == http::error::header_limit || error == http::error::body_limit ||
                     error == http::error::buffer_overflow;
  return {large ? IdpClientError::TooLarge : IdpClientError::Malformed, error.message()};
}

asio::awaitable<Result<IdpResponse, IdpClientFailure>> read_response(Link& link, std::size_t most) {
  http::response_parser<http::string_body> parser;
  parser.header_limit(limits::kIdpHead);
  parser.body_limit(most);
  parser.eager(true);
  std::string bytes;
  error_code error;
  while (!parser.is_done()) {
    const std::size_t before = bytes.size();
    if (auto failure = co_await link.receive(bytes)) co_return Unexpected{*std::move(failure)};
    if (bytes.size() == before) {
      if (!link.whole() || !parser.got_some())
        co_return Unexpected{IdpClientFailure{IdpClientError::Cut, "the connection ended early"}};
      parser.put_eof(error);
      if (error) co_return Unexpected{IdpClientFailure{IdpClientError::Cut, error.message()}};
      break;
    }
    while (!bytes.empty() && !parser.is_done()) {
      const std::size_t taken = parser.put(asio::buffer(bytes), error);
      if (error == http::error::need_more) {
        error = {};
        bytes.erase(0, taken);
        break;
      }
      if (error) co_return Unexpected{not_http(error)};
      bytes.erase(0, taken);
    }
  }
  auto message = parser.release();
  const auto field = [&](http::field name) {
    std::string all;
    const auto range = message.equal_range(name);
    for (auto it = range.first; it != range.second; ++it)
      all.append(all.empty() ? "" : ", ").append(it->value().data(), it->value().size());
    return all;
  };
  co_return IdpResponse{.status = static_cast<int>(message.result_int()),
                        .content_type = field(http::field::content_type),
                        .cache_control = field(http::field::cache_control),
                        .retry_after = field(http::field::retry_after),
                        .body = Secret(std::move(message.body()))};
}

}  // namespace

std::string_view to_string(IdpClientError error) {
  switch (error) {
    case IdpClientError::NotLoopback:
      return "plain HTTP is for loopback addresses alone";
    case IdpClientError::Unresolved:
      return "its name cannot be resolved";
    case IdpClientError::Refused:
      return "no connection";
    case IdpClientError::Untrusted:
      return "TLS";
    case IdpClientError::Cut:
      return "the connection ended early";
    case IdpClientError::Malformed:
      return "its answer is no HTTP";
    case IdpClientError::TooLarge:
      return "its answer is too large";
    case IdpClientError::Late:
      return "no answer in time";
  }
  return "";
}

IdpClient::IdpClient(asio::io_context& io, std::shared_ptr<wire::TlsClientContext> context,
                     std::function<WallTime()> wall_clock)
    : io_(io), context_(std::move(context)), wall_clock_(std::move(wall_clock)) {}

asio::awaitable<Result<IdpResponse, IdpClientFailure>> IdpClient::ask(
    const IdpRequest& request, std::chrono::milliseconds patience) {
  const identity::Url& url = request.url;
  std::optional<TlsEngine> tls;
  if (url.secure) tls.emplace(TlsEngine::client(context_, url.host, wall_clock_()));
  const auto link = std::make_shared<Link>(io_, std::move(tls));
  asio::steady_timer timer(io_, patience);
  timer.async_wait([link](const error_code& error) {
    if (error) return;
    link->late = true;
    error_code ignored;
    link->resolver.cancel();
    link->socket.close(ignored);
  });
  const auto fail = [&](IdpClientFailure failure) -> Result<IdpResponse, IdpClientFailure> {
    if (link->late) failure = {IdpClientError::Late, ""};
    return Unexpected{std::move(failure)};
  };

  error_code error;
  const auto addresses = co_await link->resolver.async_resolve(
      url.host, std::to_string(url.port), asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return fail({IdpClientError::Unresolved, error.message()});
  const auto is_loopback = [](const auto& entry) {
    return entry.endpoint().address().is_loopback();
  };
  if (!url.secure && !std::all_of(addresses.begin(), addresses.end(), is_loopback))
    co_return fail({IdpClientError::NotLoopback, ""});
  co_await asio::async_connect(link->socket, addresses,
                               asio::redirect_error(asio::use_awaitable, error));
  if (error || link->late) co_return fail({IdpClientError::Refused, error.message()});
  const Secret bytes = serialized(request);
  if (auto failure = co_await link->send(bytes.reveal())) co_return fail(*std::move(failure));
  auto response = co_await read_response(*link, request.most_answer);
  if (!response) co_return fail(std::move(response).error());
  co_return response;
}

}  // namespace veilwire::agent_identity
