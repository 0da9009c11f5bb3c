#include "userspace/identity/token_request.h"

#include "userspace/base/ascii.h"
#include "userspace/base/limits.h"
#include "userspace/identity/printable.h"

#include <algorithm>
#include <utility>

namespace veilwire::identity {
namespace {

using std::chrono::seconds;

// As absent: null and an empty text.
bool absent(const JsonValue* value) {
  return value == nullptr || value->kind == JsonValue::Kind::Null ||
         (value->kind == JsonValue::Kind::String && value->text.empty());
}

}  // namespace

std::optional<IdpRequest> code_request(const ClientContext& context, const Secret& code,
                                       std::string_view redirect_uri, const Secret& verifier) {
  Form form;
  form.add("grant_type", "authorization_code")
      .add("code", code.reveal())
      .add("redirect_uri", redirect_uri)
      .add("code_verifier", verifier.reveal());
  return client_request(context, ClientEndpoint::Token, std::move(form));
}

std::optional<IdpRequest> refresh_request(const ClientContext& context,
                                          const Secret& refresh_token) {
  Form form;
  form.add("grant_type", "refresh_token").add("refresh_token", refresh_token.reveal());
  return client_request(context, ClientEndpoint::Token, std::move(form));
}

std::optional<IdpRequest> device_code_request(const ClientContext& context,
                                              const Secret& device_code) {
  Form form;
  form.add("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
      .add("device_code", device_code.reveal());
  return client_request(context, ClientEndpoint::Token, std::move(form));
}

std::optional<IdpRequest> client_credentials_request(const ClientContext& context,
                                                     std::string_view scope,
                                                     std::string_view resource) {
  Form form;
  form.add("grant_type", "client_credentials")
      .add_unless_empty("scope", scope)
      .add_unless_empty("resource", resource);
  return client_request(context, ClientEndpoint::Token, std::move(form));
}

Result<Tokens, IdpFault> read_tokens(const IdpResponse& response, IdToken id_token,
                                     Monotonic asked_at, TokenType wanted) {
  auto object = read_answer(response);
  if (!object) return Unexpected{object.error()};
  const auto fail = [](IdpError error, std::string_view about) {
    return Unexpected{IdpFault{.error = error, .about = about, .status = 200}};
  };
  const std::string* const type = object->text_at("token_type");
  if (type == nullptr) return fail(IdpError::MemberMissing, "token_type");
  const bool bound = equal_ignoring_case(*type, "dpop");
  const bool taken = bound ? wanted != TokenType::Bearer
                           : equal_ignoring_case(*type, "bearer") && wanted != TokenType::Dpop;
  if (!taken) return fail(IdpError::UnknownTokenType, "token_type");

  Tokens tokens;
  tokens.bound = bound;
  struct {
    std::string_view name;
    Secret& token;
    bool required;
  } const all[] = {{"access_token", tokens.access_token, true},
                   {"refresh_token", tokens.refresh_token, false},
                   {"id_token", tokens.id_token, id_token == IdToken::Required}};
  for (const auto& [name, token, required] : all) {
    if (absent(object->find(name))) {
      if (required) return fail(IdpError::MemberMissing, name);
      continue;
    }
    auto text = take_secret(*object, name);
    if (!text || !is_credential(text->reveal())) return fail(IdpError::MemberMalformed, name);
    token = *std::move(text);
  }

  seconds life = limits::kTokenLifeUnstated;
  if (object->find("expires_in") != nullptr) {
    const auto stated = object->integer_at("expires_in");
    if (!stated || *stated < 1) return fail(IdpError::MemberMalformed, "expires_in");
    life = seconds(std::min<std::int64_t>(*stated, limits::kTokenLifeMost.count()));
  }
  tokens.since = asked_at;
  tokens.until = asked_at + life;

  if (!absent(object->find("scope"))) {
    const std::string* const scope = object->text_at("scope");
    if (scope == nullptr || !printable(*scope) || scope->size() > limits::kTokenText)
      return fail(IdpError::MemberMalformed, "scope");
    tokens.scope = *scope;
  }
  return tokens;
}

void renew(Tokens& held, Tokens&& fresh) {
  if (fresh.refresh_token.empty()) fresh.refresh_token = std::move(held.refresh_token);
  if (fresh.id_token.empty()) fresh.id_token = std::move(held.id_token);
  if (fresh.scope.empty()) fresh.scope = std::move(held.scope);
  if (fresh.proof_key.empty()) fresh.proof_key = std::move(held.proof_key);
  held = std::move(fresh);
}

}  // namespace veilwire::identity
