#include "agent/identity/https_client.h"

#include "userspace/base/limits.h"
#include "userspace/wire/tls_engine.h"

#include <algorithm>
#include <array>
#include <optional>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace veilwire::agent_identity {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using wire::TlsEngine;

constexpr std::size_t kPiece = 16 * 1024;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

std::string serialized(const HttpsRequest& request) {
  const bool usual = request.port == (request.tls ? 443 : 80);
  std::string out = request.method + " " + request.target + " HTTP/1.1\r\nHost: " + request.host +
                    (usual ? "" : ":" + std::to_string(request.port)) + "\r\n";
  for (const auto& [name, value] : request.fields)
    out.append(name).append(": ").append(value).append("\r\n");
  if (!request.body.empty() || request.method != "GET")
    out += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  return out + "Connection: close\r\n\r\n" + request.body;
}

// One connection's bytes, with TLS or without.
class Link {
 public:
  Link(asio::io_context& io, std::optional<TlsEngine> tls)
      : resolver(io), socket(io), tls_(std::move(tls)) {}

  tcp::resolver resolver;
  tcp::socket socket;
  bool late = false;  // and closed

  asio::awaitable<std::optional<HttpsFailure>> send(std::string_view text) {
    if (!tls_) co_return co_await write(std::string(text));
    while (tls_->state() == TlsEngine::State::Handshaking) {
      if (auto failure = co_await exchange()) co_return failure;
    }
    if (!tls_->send(text)) co_return failed();
    co_return co_await flush();
  }

  // Appends what comes next; nothing where the peer has ended.
  asio::awaitable<std::optional<HttpsFailure>> receive(std::string& out) {
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
  HttpsFailure failed() const {
    const bool cut = tls_->truncated();
    return {cut ? HttpsError::Cut : HttpsError::Untrusted,
            std::string(cut ? "the connection ended early" : tls_->error_detail())};
  }

  asio::awaitable<std::optional<HttpsFailure>> exchange() {
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
      co_return HttpsFailure{HttpsError::Cut, "the connection ended in the handshake"};
    co_return std::nullopt;
  }

  asio::awaitable<std::optional<HttpsFailure>> flush() {
    std::string bytes;
    tls_->take_ciphertext(bytes);
    co_return co_await write(std::move(bytes));
  }

  asio::awaitable<std::optional<HttpsFailure>> write(std::string bytes) {
    error_code error;
    co_await asio::async_write(socket, asio::buffer(bytes),
                               asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return HttpsFailure{HttpsError::Cut, error.message()};
    co_return std::nullopt;
  }

  asio::awaitable<std::optional<HttpsFailure>> read(std::string& out) {
    error_code error;
    const std::size_t size = co_await socket.async_read_some(
        asio::buffer(piece_), asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::eof) {
      ended_ = true;
    } else if (error) {
      co_return HttpsFailure{HttpsError::Cut, error.message()};
    }
    out.append(piece_.data(), size);
    co_return std::nullopt;
  }

  std::optional<TlsEngine> tls_;
  std::array<char, kPiece> piece_{};
  bool ended_ = false;
};

HttpsFailure not_http(const error_code& error) {
  const bool large = error == http::error::header_limit || error == http::error::body_limit ||
                     error == http::error::buffer_overflow;
  return {large ? HttpsError::TooLarge : HttpsError::Malformed, error.message()};
}

asio::awaitable<Result<HttpsResponse, HttpsFailure>> read_response(Link& link) {
  http::response_parser<http::string_body> parser;
  parser.header_limit(limits::kIdpHead);
  parser.body_limit(limits::kIdpBody);
  parser.eager(true);
  std::string bytes;
  error_code error;
  while (!parser.is_done()) {
    const std::size_t before = bytes.size();
    if (auto failure = co_await link.receive(bytes)) co_return Unexpected{*std::move(failure)};
    if (bytes.size() == before) {
      if (!link.whole() || !parser.got_some())
        co_return Unexpected{HttpsFailure{HttpsError::Cut, "the connection ended early"}};
      parser.put_eof(error);
      if (error) co_return Unexpected{HttpsFailure{HttpsError::Cut, error.message()}};
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
  HttpsResponse response;
  response.status = message.result_int();
  for (const auto& field : message)
    response.fields.emplace_back(lower({field.name_string().data(), field.name_string().size()}),
                                 std::string(field.value()));
  response.body = std::move(message.body());
  co_return response;
}

}  // namespace

std::string_view HttpsResponse::field(std::string_view name) const {
  const auto found = std::ranges::find(fields, name, [](const auto& f) { return f.first; });
  return found == fields.end() ? std::string_view() : found->second;
}

std::string_view to_string(HttpsError error) {
  switch (error) {
    case HttpsError::NotLoopback:
      return "plain HTTP is for loopback addresses alone";
    case HttpsError::Unresolved:
      return "its name cannot be resolved";
    case HttpsError::Refused:
      return "no connection";
    case HttpsError::Untrusted:
      return "TLS";
    case HttpsError::Cut:
      return "the connection ended early";
    case HttpsError::Malformed:
      return "its answer is no HTTP";
    case HttpsError::TooLarge:
      return "its answer is too large";
    case HttpsError::Late:
      return "no answer in time";
  }
  return "";
}

HttpsClient::HttpsClient(asio::io_context& io, std::shared_ptr<wire::TlsClientContext> context,
                         std::function<WallTime()> wall_clock)
    : io_(io), context_(std::move(context)), wall_clock_(std::move(wall_clock)) {}

asio::awaitable<Result<HttpsResponse, HttpsFailure>> HttpsClient::fetch(
    const HttpsRequest& request, std::chrono::milliseconds patience) {
  std::optional<TlsEngine> tls;
  if (request.tls) tls.emplace(TlsEngine::client(context_, request.host, wall_clock_()));
  const auto link = std::make_shared<Link>(io_, std::move(tls));
  asio::steady_timer timer(io_, patience);
  timer.async_wait([link](const error_code& error) {
    if (error) return;
    link->late = true;
    error_code ignored;
    link->resolver.cancel();
    link->socket.close(ignored);
  });
  const auto fail = [&](HttpsFailure failure) -> Result<HttpsResponse, HttpsFailure> {
    if (link->late) failure = {HttpsError::Late, ""};
    return Unexpected{std::move(failure)};
  };

  error_code error;
  const auto addresses = co_await link->resolver.async_resolve(
      request.host, std::to_string(request.port), asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return fail({HttpsError::Unresolved, error.message()});
  const auto is_loopback = [](const auto& entry) {
    return entry.endpoint().address().is_loopback();
  };
  if (!request.tls && !std::all_of(addresses.begin(), addresses.end(), is_loopback))
    co_return fail({HttpsError::NotLoopback, ""});
  co_await asio::async_connect(link->socket, addresses,
                               asio::redirect_error(asio::use_awaitable, error));
  if (error || link->late) co_return fail({HttpsError::Refused, error.message()});
  if (auto failure = co_await link->send(serialized(request))) co_return fail(*std::move(failure));
  auto response = co_await read_response(*link);
  if (!response) co_return fail(std::move(response).error());
  co_return response;
}

}  // namespace veilwire::agent_identity
