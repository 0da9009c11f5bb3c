#include "agent/credentials/vault_source.h"

#include "agent/credentials/secret_file.h"
#include "agent/host/clock.h"
#include "agent/host/trusted_file.h"
#include "agent/outbound/https_client.h"
#include "userspace/base/limits.h"
#include "userspace/identity/strict_json.h"
#include "userspace/identity/url.h"
#include "userspace/wire/tls_context.h"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <system_error>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

namespace veilwire::credentials {
namespace {

namespace asio = boost::asio;
using identity::JsonValue;

Unexpected<std::string> failed(const std::string& why) {
  return Unexpected<std::string>{"the vault: " + why};
}

void wipe_texts(JsonValue& value) {
  wipe(value.text.data(), value.text.size());
  for (JsonValue& element : value.elements) wipe_texts(element);
  for (identity::JsonMember& member : value.members) wipe_texts(member.value);
}

Result<Fetched, std::string> fetched_from(const JsonValue& answer, std::string_view field) {
  const JsonValue* data = answer.find(std::vector<std::string>{"data", "data"});
  if (data == nullptr || data->kind == JsonValue::Kind::Null)
    return failed("the secret holds no version 2 data: it is deleted, or the store is another");
  const std::string* text = data->text_at(field);
  if (text == nullptr) return failed("the secret has no text \"" + std::string(field) + "\"");
  auto value = as_credential(Secret(std::string(*text)));
  if (!value) return failed("the field " + value.error());
  Fetched fetched{.value = *std::move(value)};
  if (const auto lease = answer.integer_at("lease_duration"); lease && *lease > 0)
    fetched.lease = std::chrono::seconds(*lease);
  return fetched;
}

Result<std::shared_ptr<wire::TlsClientContext>, std::string> trust(const VaultPlace& place) {
  if (const auto why = host::distrust(place.roots)) return Unexpected{place.roots + ": " + *why};
  const auto read = [](const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(in), {}};
  };
  const std::string roots = read(place.roots), never = read(place.never_trust);
  auto context =
      wire::TlsClientContext::make({.roots_pem = roots, .never_trust_pem = never, .alpn = {}});
  if (!context) return Unexpected<std::string>{place.roots + " holds no usable certificates"};
  return *std::move(context);
}

std::string refusal(int status) {
  const std::string code = " (" + std::to_string(status) + ")";
  if (status == 401 || status == 403) return "it does not let this token read the secret" + code;
  if (status == 404) return "it has no such secret" + code;
  if (status == 429) return "it is asked too often" + code;
  if (status == 503) return "it is sealed or not available" + code;
  return "it answers with HTTP status " + std::to_string(status);
}

}  // namespace

Result<Fetched, std::string> read_vault_answer(std::string_view json, std::string_view field) {
  auto answer = identity::read_json_object(json, limits::kIdpAnswer);
  if (!answer) return failed("its answer is no JSON object");
  auto fetched = fetched_from(*answer, field);
  wipe_texts(*answer);
  return fetched;
}

Result<Fetched, std::string> VaultSource::fetch() const {
  auto token = place_.token();
  if (!token) return Unexpected<std::string>{"its token: " + token.error()};
  auto url = identity::parse_url(place_.url, identity::PlainHttp::Loopback);
  if (!url) return failed("its address is none");
  auto context = trust(place_);
  if (!context) return Unexpected{context.error()};

  SecretBuilder authorization;
  authorization.append("Bearer ").append(token->reveal());
  const Secret value = authorization.take();
  const outbound::HttpRequest request{
      .url = *std::move(url),
      .fields = {{"Accept", "application/json"}, {"Authorization", value.reveal()}},
      .body = {}};
  asio::io_context io;
  outbound::HttpsClient client(io, *std::move(context), [] { return host::now().wall; });
  std::optional<Result<outbound::HttpResponse, outbound::Failure>> answer;
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> { answer.emplace(co_await client.ask(request, patience_)); },
      asio::detached);
  io.run();
  if (!answer) return failed("the connection ended early");
  if (!*answer) return failed(to_string(answer->error()));
  const outbound::HttpResponse& response = **answer;
  if (response.status != 200) return failed(refusal(response.status));
  return read_vault_answer(response.body.reveal(), place_.field);
}

}  // namespace veilwire::credentials
