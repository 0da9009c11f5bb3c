#include "agent/identity/idp_client.h"

#include <utility>

namespace veilwire::agent_identity {
namespace {

namespace asio = boost::asio;
using identity::IdpRequest;
using identity::IdpResponse;

outbound::HttpRequest http_request(const IdpRequest& request) {
  outbound::HttpRequest http{.url = request.url,
                             .post = request.method == IdpRequest::Method::Post,
                             .fields = {{"Accept", "application/json"}},
                             .body = request.body.reveal(),
                             .most_answer = request.most_answer};
  if (!request.authorization.empty())
    http.fields.emplace_back("Authorization", request.authorization.reveal());
  if (!request.proof.empty()) http.fields.emplace_back("DPoP", request.proof);
  if (!http.post) return http;
  if (request.body_type == IdpRequest::BodyType::Json) {
    http.fields.emplace_back("Content-Type", "application/json");
    // What is said in it is in English (RFC 8936, 2.4.4).
    http.fields.emplace_back("Content-Language", "en");
  } else {
    http.fields.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  }
  return http;
}

}  // namespace

asio::awaitable<Result<IdpResponse, IdpClientFailure>> IdpClient::ask(
    const IdpRequest& request, std::chrono::milliseconds patience) {
  const outbound::HttpRequest http = http_request(request);
  auto answer = co_await https_.ask(http, patience);
  if (!answer) co_return Unexpected{std::move(answer).error()};
  co_return IdpResponse{.status = answer->status,
                        .content_type = answer->field("content-type"),
                        .cache_control = answer->field("cache-control"),
                        .retry_after = answer->field("retry-after"),
                        .dpop_nonce = answer->field("dpop-nonce"),
                        .body = std::move(answer->body)};
}

}  // namespace veilwire::agent_identity
