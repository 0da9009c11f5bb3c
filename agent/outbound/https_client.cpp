#include "agent/outbound/https_client.h"

#include <optional>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace veilwire::outbound {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

Secret serialized(const HttpRequest& request) {
  SecretBuilder out;
  out.append(request.post ? "POST " : "GET ").append(request.url.target);
  out.append(" HTTP/1.1\r\nHost: ").append(request.url.authority).append("\r\n");
  for (const auto& [name, value] : request.fields)
    out.append(name).append(": ").append(value).append("\r\n");
  if (request.post) out.append("Content-Length: " + std::to_string(request.body.size()) + "\r\n");
  out.append("Connection: close\r\n\r\n");
  return out.append(request.post ? request.body : "").take();
}

Failure not_http(const error_code& error) {
  const bool large = error == http::error::header_limit || error == http::error::body_limit ||
                     error == http::error::buffer_overflow;
  return {large ? Error::TooLarge : Error::Malformed, error.message()};
}

std::string lower(std::string_view name) {
  std::string text(name);
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

asio::awaitable<Result<HttpResponse, Failure>> read_response(Link& link, std::size_t most) {
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
      if (!link.ended_whole() || !parser.got_some())
        co_return Unexpected{Failure{Error::Cut, "before its answer"}};
      parser.put_eof(error);
      if (error) co_return Unexpected{Failure{Error::Cut, error.message()}};
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
  HttpResponse response{.status = static_cast<int>(message.result_int()),
                        .fields = {},
                        .body = Secret(std::move(message.body()))};
  for (const auto& field : message) {
    const auto name = field.name_string();
    const auto value = field.value();
    response.fields.emplace_back(lower({name.data(), name.size()}),
                                 std::string(value.data(), value.size()));
  }
  co_return response;
}

}  // namespace

std::string HttpResponse::field(std::string_view lower_case_name) const {
  std::string all;
  for (const auto& [name, value] : fields) {
    if (name == lower_case_name) all.append(all.empty() ? "" : ", ").append(value);
  }
  return all;
}

HttpsClient::HttpsClient(asio::io_context& io, std::shared_ptr<wire::TlsClientContext> context,
                         std::function<WallTime()> wall_clock)
    : io_(io), context_(std::move(context)), wall_clock_(std::move(wall_clock)) {}

asio::awaitable<Result<HttpResponse, Failure>> HttpsClient::ask(
    const HttpRequest& request, std::chrono::milliseconds patience) {
  const identity::Url& url = request.url;
  std::optional<Tls> tls;
  if (url.secure) tls = Tls{context_, wall_clock_()};
  Link link(io_, url.host, url.port, std::move(tls));
  const Link::Deadline deadline(link, patience);
  if (auto failure = co_await link.connect()) co_return Unexpected{*std::move(failure)};
  const Secret bytes = serialized(request);
  // A server may refuse a body before it has read all of it and close: its answer still counts.
  const auto unsent = co_await link.send(bytes.reveal());
  auto response = co_await read_response(link, request.most_answer);
  if (!response && unsent) co_return Unexpected{*unsent};
  co_return response;
}

}  // namespace veilwire::outbound
