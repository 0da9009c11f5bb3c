#include "userspace/identity/introspection.h"

#include "userspace/base/limits.h"
#include "userspace/identity/group_list.h"
#include "userspace/identity/printable.h"

#include <cmath>
#include <utility>

namespace veilwire::identity {
namespace {

using std::chrono::seconds;
using Kind = JsonValue::Kind;

// Year 2255. Later ones do not fit WallTime, and mean a broken IdP or milliseconds.
constexpr double kLatest = 9e9;

bool fit_for_records(const JsonValue& value) {
  return value.kind == Kind::String && printable(value.text) &&
         value.text.size() <= limits::kTokenText;
}

// nullopt: not what it should be.
std::optional<std::string> optional_text(const JsonValue& object, std::string_view name) {
  const JsonValue* const value = object.find(name);
  if (value == nullptr || value->kind == Kind::Null ||
      (value->kind == Kind::String && value->text.empty()))
    return std::string();
  return fit_for_records(*value) ? std::optional(value->text) : std::nullopt;
}

}  // namespace

std::string_view to_string(TokenHint hint) {
  return hint == TokenHint::AccessToken ? "access_token" : "refresh_token";
}

std::optional<IdpRequest> introspection_request(const ClientContext& context, const Secret& token,
                                                TokenHint hint) {
  Form form;
  form.add("token", token.reveal()).add("token_type_hint", to_string(hint));
  return client_request(context, ClientEndpoint::Introspection, std::move(form));
}

Result<Introspection, IdpFault> read_introspection(const IdpResponse& response,
                                                   const std::vector<std::string>& groups) {
  const auto object = read_answer(response);
  if (!object) return Unexpected{object.error()};
  const auto malformed = [](std::string_view about) {
    return Unexpected{IdpFault{.error = IdpError::MemberMalformed, .about = about, .status = 200}};
  };
  if (object->find("active") == nullptr)
    return Unexpected{IdpFault{.error = IdpError::MemberMissing, .about = "active", .status = 200}};
  const auto active = object->boolean_at("active");
  if (!active) return malformed("active");  // the text "false" must not count as yes or as no

  Introspection answer;
  answer.active = *active;
  if (!answer.active) return answer;
  struct {
    std::string_view name;
    std::string& text;
  } const members[] = {{"iss", answer.issuer},
                       {"sub", answer.subject},
                       {"username", answer.username},
                       {"client_id", answer.client_id},
                       {"scope", answer.scope}};
  for (const auto& [name, text] : members) {
    auto read = optional_text(*object, name);
    if (!read) return malformed(name);
    text = *std::move(read);
  }
  if (const JsonValue* const expiry = object->find("exp")) {
    double number = -1;
    if (expiry->kind == Kind::Real) number = expiry->real;
    if (expiry->kind == Kind::Integer) number = static_cast<double>(expiry->integer);
    if (!(number >= 0 && number <= kLatest)) return malformed("exp");
    answer.expires_at = WallTime{seconds(static_cast<std::int64_t>(std::floor(number)))};
  }
  const JsonValue* const listed = groups.empty() ? nullptr : object->find(groups);
  if (listed != nullptr && listed->kind != Kind::Null) {
    answer.groups = read_group_list(*listed);
    if (!answer.groups) return malformed("groups");
  }
  return answer;
}

bool confirms(const Introspection& answer, std::string_view issuer, std::string_view subject,
              WallTime now) {
  return answer.active && (answer.issuer.empty() || answer.issuer == issuer) &&
         (answer.subject.empty() || answer.subject == subject) &&
         (!answer.expires_at ||
          now.since_epoch - limits::kClockSkew < answer.expires_at->since_epoch);
}

}  // namespace veilwire::identity
