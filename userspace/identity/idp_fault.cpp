#include "userspace/identity/idp_fault.h"

#include "userspace/base/ascii.h"
#include "userspace/base/limits.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace veilwire::identity {
namespace {

using std::chrono::seconds;

constexpr std::pair<OAuthError, std::string_view> kCodes[] = {
    {OAuthError::InvalidRequest, "invalid_request"},
    {OAuthError::InvalidClient, "invalid_client"},
    {OAuthError::InvalidGrant, "invalid_grant"},
    {OAuthError::UnauthorizedClient, "unauthorized_client"},
    {OAuthError::UnsupportedGrantType, "unsupported_grant_type"},
    {OAuthError::InvalidScope, "invalid_scope"},
    {OAuthError::AccessDenied, "access_denied"},
    {OAuthError::UnsupportedResponseType, "unsupported_response_type"},
    {OAuthError::ServerError, "server_error"},
    {OAuthError::TemporarilyUnavailable, "temporarily_unavailable"},
    {OAuthError::UnsupportedTokenType, "unsupported_token_type"},
    {OAuthError::InvalidToken, "invalid_token"},
    {OAuthError::AuthorizationPending, "authorization_pending"},
    {OAuthError::SlowDown, "slow_down"},
    {OAuthError::ExpiredToken, "expired_token"},
    {OAuthError::InteractionRequired, "interaction_required"},
    {OAuthError::LoginRequired, "login_required"},
    {OAuthError::ConsentRequired, "consent_required"},
    {OAuthError::AccountSelectionRequired, "account_selection_required"},
    {OAuthError::UseDpopNonce, "use_dpop_nonce"},
    {OAuthError::InvalidDpopProof, "invalid_dpop_proof"},
};

// application/json and what is built on it, such as application/jwk-set+json.
bool is_json(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (type.ends_with(' ') || type.ends_with('\t')) type.remove_suffix(1);
  const std::string lower = to_lower(type);
  return lower == "application/json" ||
         (lower.starts_with("application/") && lower.ends_with("+json"));
}

IdpError idp_error(JsonFault fault) {
  switch (fault) {
    case JsonFault::TooLarge:
      return IdpError::TooLarge;
    case JsonFault::DuplicateMember:
      return IdpError::DuplicateMember;
    case JsonFault::TooDeep:
    case JsonFault::TooManyValues:
      return IdpError::TooComplex;
    case JsonFault::NotAnObject:
    case JsonFault::NotJson:
    case JsonFault::NumberTooLarge:
      break;
  }
  return IdpError::NotJson;
}

// Some IdPs answer with an error under status 200, Google with 403 and 428.
bool may_be_an_error(int status) { return status == 200 || (status >= 400 && status < 500); }

IdpFault refused(const IdpResponse& response, const std::string& code, const JsonValue& object) {
  IdpFault fault{.error = IdpError::Refused,
                 .status = response.status,
                 .code = oauth_error(code),
                 .retry_after = retry_after(response)};
  std::string said = fault.code == OAuthError::Other ? code : std::string();
  const std::string* const description = object.text_at("error_description");
  if (description != nullptr) said.append(said.empty() ? "" : ": ").append(*description);
  fault.said = shown_text(said);
  return fault;
}

}  // namespace

OAuthError oauth_error(std::string_view code) {
  for (const auto& [known, name] : kCodes)
    if (name == code) return known;
  return OAuthError::Other;
}

std::string_view to_string(OAuthError code) {
  for (const auto& [known, name] : kCodes)
    if (known == code) return name;
  return "another error";
}

std::string_view to_string(IdpError error) {
  switch (error) {
    case IdpError::Unreachable:
      return "the IdP cannot be reached";
    case IdpError::UnexpectedStatus:
      return "the IdP answered with a status that says neither yes nor no";
    case IdpError::Refused:
      return "the IdP refused";
    case IdpError::TooLarge:
      return "the IdP's answer is too large";
    case IdpError::NotJson:
      return "the IdP's answer is not a JSON object";
    case IdpError::DuplicateMember:
      return "an object of the IdP's answer has a member twice";
    case IdpError::TooComplex:
      return "the IdP's answer is nested too deeply or has too many values";
    case IdpError::MemberMissing:
      return "a member of the IdP's answer is missing";
    case IdpError::MemberMalformed:
      return "a member of the IdP's answer is not as it should be";
    case IdpError::WrongIssuer:
      return "the IdP's document is another issuer's";
    case IdpError::InsecureEndpoint:
      return "an endpoint of the IdP is no https URL";
    case IdpError::UnknownTokenType:
      return "the IdP's token is of a type that we cannot use";
  }
  return "unknown";
}

std::string to_string(const IdpFault& fault) {
  std::string out(to_string(fault.error));
  if (fault.error == IdpError::Refused) out.append(" with ").append(to_string(fault.code));
  if (!fault.about.empty()) out.append(" (").append(fault.about).append(")");
  if (fault.status != 0 && fault.status != 200) out += ", status " + std::to_string(fault.status);
  if (!fault.said.empty()) out.append(": ").append(fault.said);
  return out;
}

IdpVerdict verdict(const IdpFault& fault) {
  if (fault.error == IdpError::WrongIssuer || fault.error == IdpError::InsecureEndpoint)
    return IdpVerdict::Misconfigured;
  if (fault.error != IdpError::Refused) return IdpVerdict::Failing;
  switch (fault.code) {
    case OAuthError::InvalidGrant:
    case OAuthError::AccessDenied:
    case OAuthError::ExpiredToken:
    case OAuthError::InteractionRequired:
    case OAuthError::LoginRequired:
    case OAuthError::ConsentRequired:
    case OAuthError::AccountSelectionRequired:
      return IdpVerdict::Denied;
    case OAuthError::InvalidRequest:
    case OAuthError::InvalidClient:
    case OAuthError::UnauthorizedClient:
    case OAuthError::UnsupportedGrantType:
    case OAuthError::InvalidScope:
    case OAuthError::UnsupportedResponseType:
    case OAuthError::UnsupportedTokenType:
    case OAuthError::InvalidDpopProof:
    // Of an endpoint that takes our own token, and so about us and never about the person.
    case OAuthError::InvalidToken:
      return IdpVerdict::Misconfigured;
    case OAuthError::ServerError:
    case OAuthError::TemporarilyUnavailable:
    case OAuthError::AuthorizationPending:
    case OAuthError::SlowDown:
    case OAuthError::UseDpopNonce:
    case OAuthError::Other:
      break;
  }
  return IdpVerdict::Failing;
}

std::string shown_text(std::string_view text) {
  std::string out(text.substr(0, limits::kIdpText));
  for (char& c : out)
    if (c < 0x20 || c > 0x7e) c = '?';  // bytes above 127 are negative
  return out;
}

std::optional<seconds> retry_after(const IdpResponse& response) {
  const std::string_view text = response.retry_after;
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) return limits::kIdpRetryMost;
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return std::min(seconds(value), limits::kIdpRetryMost);
}

Result<JsonValue, IdpFault> read_answer(const IdpResponse& response, std::size_t most_bytes) {
  IdpFault fault{.error = IdpError::UnexpectedStatus,
                 .status = response.status,
                 .retry_after = retry_after(response)};
  if (!may_be_an_error(response.status)) return Unexpected{std::move(fault)};
  auto object = is_json(response.content_type)
                    ? read_json_object(response.body.reveal(), most_bytes)
                    : Unexpected{JsonFault::NotJson};
  const std::string* const code = object ? object->text_at("error") : nullptr;
  if (code != nullptr) return Unexpected{refused(response, *code, *object)};
  if (response.status != 200) return Unexpected{std::move(fault)};
  if (object) return *std::move(object);
  fault.error = idp_error(object.error());
  return Unexpected{std::move(fault)};
}

Result<void, IdpFault> read_empty_answer(const IdpResponse& response) {
  if (response.status == 200) return {};
  const auto answer = read_answer(response);
  return Unexpected{answer.error()};
}

std::optional<Secret> take_secret(JsonValue& object, std::string_view name) {
  for (JsonMember& member : object.members)
    if (member.name == name && member.value.kind == JsonValue::Kind::String)
      return Secret(std::move(member.value.text));
  return std::nullopt;
}

bool is_credential(std::string_view text) {
  return !text.empty() && text.size() <= limits::kToken &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace veilwire::identity
