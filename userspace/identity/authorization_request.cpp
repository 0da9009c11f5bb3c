#include "userspace/identity/authorization_request.h"

#include "userspace/base/limits.h"
#include "userspace/identity/form.h"
#include "userspace/identity/pkce.h"

#include <utility>

namespace veilwire::identity {
namespace {

Unexpected<CallbackFault> refuse(CallbackError error) { return Unexpected{CallbackFault{error}}; }

}  // namespace

std::string to_uri(const LoopbackRedirect& redirect) {
  return (redirect.ipv6 ? "http://[::1]:" : "http://127.0.0.1:") + std::to_string(redirect.port) +
         redirect.path;
}

std::optional<AuthorizationRequest> AuthorizationRequest::make(const OidcProvider& provider,
                                                               std::string_view client_id,
                                                               const LoopbackRedirect& redirect,
                                                               const SignInWish& wish,
                                                               const crypto::RandomSource& random) {
  // One that lists no methods is tried: those that know no PKCE ignore it (RFC 7636, 5), and Entra
  // ID, which does, does not say so.
  if (!provider.authorization_endpoint ||
      offer(provider.code_challenge_methods, "S256") == Offer::Denied)
    return std::nullopt;
  AuthorizationRequest request;
  request.redirect_uri_ = to_uri(redirect);
  request.path_ = redirect.path;
  request.issuer_ = provider.issuer.text;
  request.issuer_required_ = provider.sends_issuer;
  request.verifier_ = Secret(random_text(random));
  request.state_ = Secret(random_text(random));
  request.nonce_ = random_text(random);

  Form form;
  form.add("response_type", "code")
      .add("client_id", client_id)
      .add("redirect_uri", request.redirect_uri_)
      .add("scope", wish.scope)
      .add("state", request.state_.reveal())
      .add("nonce", request.nonce_)
      .add("code_challenge", code_challenge(request.verifier_.reveal()))
      .add("code_challenge_method", "S256")
      .add_unless_empty("acr_values", wish.acr_values)
      .add_unless_empty("prompt", wish.prompt)
      .add_unless_empty("login_hint", wish.login_hint)
      .add_unless_empty("dpop_jkt", wish.proof_key);
  if (wish.max_age) form.add("max_age", std::to_string(wish.max_age->count()));
  // A query of the endpoint's own stays (RFC 6749, 3.1).
  request.url_ = provider.authorization_endpoint->text;
  request.url_ += request.url_.find('?') == std::string::npos ? '?' : '&';
  request.url_ += form.take().reveal();
  return request;
}

Result<Secret, CallbackFault> AuthorizationRequest::take_callback(std::string_view target) {
  if (target.size() > limits::kCallback) return refuse(CallbackError::Malformed);
  const std::size_t question = target.find('?');
  if (target.substr(0, question) != path_) return refuse(CallbackError::WrongPath);
  const auto fields = parse_form(
      question == std::string_view::npos ? std::string_view() : target.substr(question + 1),
      limits::kCallbackParameters);
  if (!fields) return refuse(CallbackError::Malformed);
  const std::string* const state = find(*fields, "state");
  if (state == nullptr || !equal_constant_time(*state, state_.reveal()))
    return refuse(CallbackError::WrongState);
  if (spent_) return refuse(CallbackError::Spent);

  spent_ = true;
  const std::string* const issuer = find(*fields, "iss");
  if (issuer == nullptr ? issuer_required_ : *issuer != issuer_)
    return refuse(CallbackError::WrongIssuer);
  const std::string *const code = find(*fields, "code"), *const error = find(*fields, "error");
  if (error != nullptr && code == nullptr) {
    CallbackFault fault{.error = CallbackError::Refused, .code = oauth_error(*error)};
    const std::string* const description = find(*fields, "error_description");
    fault.said = shown_text(description != nullptr ? *description : *error);
    return Unexpected{std::move(fault)};
  }
  if (code == nullptr || error != nullptr || !is_credential(*code))
    return refuse(CallbackError::NoCode);
  return Secret(std::string(*code));
}

std::string_view to_string(CallbackError error) {
  switch (error) {
    case CallbackError::WrongPath:
      return "the browser came back to another path";
    case CallbackError::Malformed:
      return "what the browser came back with cannot be read, or has a parameter twice";
    case CallbackError::WrongState:
      return "the browser came back from another sign-in";
    case CallbackError::WrongIssuer:
      return "the browser came back from another IdP";
    case CallbackError::Refused:
      return "the IdP refused the sign-in";
    case CallbackError::NoCode:
      return "the browser came back without a code";
    case CallbackError::Spent:
      return "the sign-in is over";
  }
  return "unknown";
}

}  // namespace veilwire::identity
