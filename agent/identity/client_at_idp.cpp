#include "agent/identity/client_at_idp.h"

#include "agent/host/clock.h"
#include "agent/host/log.h"
#include "userspace/identity/introspection.h"
#include "userspace/identity/refresh_plan.h"
#include "userspace/identity/revocation.h"
#include "userspace/identity/userinfo.h"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace veilwire::agent_identity {
namespace {

namespace asio = boost::asio;
using identity::Care;
using identity::Caring;
using identity::IdpFault;
using identity::IdpRequest;
using identity::IdpResponse;
using identity::IdpVerdict;
using identity::ProofKey;
using identity::Tokens;
using identity::TokenType;
using identity::VerifiedToken;

}  // namespace

ClientAtIdp::ClientAtIdp(asio::io_context& io, Issuer& issuer, identity::OidcClient client,
                         SenderConstraint constraint, std::vector<std::string> groups,
                         crypto::RandomSource random)
    : io_(io),
      issuer_(issuer),
      client_(std::move(client)),
      constraint_(constraint),
      groups_(std::move(groups)),
      random_(std::move(random)) {}

identity::ClientContext ClientAtIdp::context(const identity::OidcProvider& provider) const {
  return {.provider = provider, .client = client_, .now = host::now().wall, .random = random_};
}

identity::TokenExpectation ClientAtIdp::expectation() const {
  return {.issuer = issuer_.name(), .audience = client_.id(), .groups = groups_};
}

std::optional<ProofKey> ClientAtIdp::new_key(const identity::OidcProvider& provider) const {
  const bool wanted =
      constraint_ == SenderConstraint::Dpop ||
      (constraint_ == SenderConstraint::IfOffered &&
       identity::offer(provider.proof_algorithms, "ES256") == identity::Offer::Stated);
  return wanted ? std::optional(ProofKey::make()) : std::nullopt;
}

TokenType ClientAtIdp::token_type(const std::optional<ProofKey>& key) const {
  if (!key) return TokenType::Bearer;
  return constraint_ == SenderConstraint::Dpop ? TokenType::Dpop : TokenType::Either;
}

asio::awaitable<Result<IdpResponse, IdpFault>> ClientAtIdp::ask(IdpRequest request,
                                                                const std::optional<ProofKey>& key,
                                                                const Secret* access_token) {
  if (!key) co_return co_await issuer_.ask(request);
  std::string& nonce = nonces_[request.url.text];
  for (int attempt = 0;; ++attempt) {
    request.proof = key->proof(request, access_token, nonce, host::now().wall, random_);
    auto response = co_await issuer_.ask(request);
    if (!response) co_return Unexpected{response.error()};
    if (identity::is_nonce(response->dpop_nonce)) nonce = response->dpop_nonce;
    if (attempt > 0 || !identity::wants_nonce(*response)) co_return *std::move(response);
  }
}

// What the document does not say is tried once it can be read. Some IdPs have the endpoint, and
// answer no client that has no secret.
bool ClientAtIdp::can_introspect() const {
  if (introspection_refused_) return false;
  const ProviderPtr& provider = issuer_.last_provider();
  return provider == nullptr || provider->endpoints.introspection.has_value();
}

Caring ClientAtIdp::caring_of(const Tokens& tokens, std::uint32_t random) const {
  Caring caring;
  const bool can_refresh = !tokens.refresh_token.empty();
  const bool groups_matter = !groups_.empty();
  if (can_introspect() &&
      !(can_refresh && groups_matter && introspection_names_groups_ == std::optional(false)))
    caring.check = Care::Introspect;
  else if (can_refresh)
    caring.check = Care::Refresh;
  if (can_refresh) caring.refresh_at = identity::refresh_at(tokens.since, tokens.until, random);
  return caring;
}

asio::awaitable<Result<identity::Introspection, IdpFault>> ClientAtIdp::ask_about(
    const Tokens& tokens) {
  const auto provider = co_await issuer_.provider();
  if (!provider) co_return Unexpected{provider.error()};
  const bool by_refresh = !tokens.refresh_token.empty();
  const auto request = identity::introspection_request(
      context(**provider), by_refresh ? tokens.refresh_token : tokens.access_token,
      by_refresh ? identity::TokenHint::RefreshToken : identity::TokenHint::AccessToken);
  if (!request)
    co_return Unexpected{
        IdpFault{.error = identity::IdpError::MemberMissing, .about = "introspection_endpoint"}};
  const auto response = co_await issuer_.ask(*request);
  if (!response) co_return Unexpected{response.error()};
  co_return identity::read_introspection(*response, groups_);
}

asio::awaitable<IdpWord> ClientAtIdp::introspect(const Tokens& tokens, const std::string& subject) {
  const auto provider = co_await issuer_.provider();
  if (!provider) co_return IdpWord{.fault = provider.error()};
  auto answer = co_await ask_about(tokens);
  if (!answer) {
    const IdpFault& fault = answer.error();
    // Glewlwyd says 401 without an error of OAuth.
    const bool refused = identity::verdict(fault) != IdpVerdict::Failing || fault.status == 401 ||
                         fault.status == 403;
    if (refused && !std::exchange(introspection_refused_, true))
      host::log::warning("the identity provider answers us no question about tokens (" +
                         host::log::printable(to_string(fault)) +
                         "): sessions are checked by refreshing them");
    co_return IdpWord{.fault = fault, .refused = refused};
  }
  if (!confirms(*answer, issuer_.name(), subject, host::now().wall))
    co_return IdpWord{.over = true};
  introspection_names_groups_ = answer->groups.has_value();
  co_return IdpWord{.groups = std::move(answer->groups)};
}

asio::awaitable<IdpWord> ClientAtIdp::refresh(const Tokens& tokens, const std::string& subject) {
  const auto provider = co_await issuer_.provider();
  if (!provider) co_return IdpWord{.fault = provider.error()};
  auto request = identity::refresh_request(context(**provider), tokens.refresh_token);
  if (!request)
    co_return IdpWord{
        .fault = IdpFault{.error = identity::IdpError::MemberMissing, .about = "token_endpoint"}};
  const Monotonic asked_at = host::now().mono;
  const auto key = ProofKey::from_pem(tokens.proof_key.reveal());
  const auto response = co_await ask(*std::move(request), key);
  if (!response) co_return IdpWord{.fault = response.error()};
  auto fresh =
      identity::read_tokens(*response, identity::IdToken::Optional, asked_at, token_type(key));
  if (!fresh) {
    if (identity::verdict(fresh.error()) == IdpVerdict::Denied) co_return IdpWord{.over = true};
    co_return IdpWord{.fault = fresh.error()};
  }
  fresh->proof_key = Secret(std::string(tokens.proof_key.reveal()));
  IdpWord word;
  if (fresh->id_token.empty()) {
    word.groups = co_await groups_of(nullptr, *fresh, subject);
  } else {
    auto token = co_await issuer_.verify(fresh->id_token, expectation());
    if (token && token->subject != subject) co_return IdpWord{.over = true};
    if (token)
      word.groups = co_await groups_of(&*token, *fresh, subject);
    else  // the grant stands, and the old refresh token may be gone: what came is kept
      log_.warning("after a refresh " + host::log::printable(token.error()), host::now().mono);
  }
  word.fresh = *std::move(fresh);
  co_return word;
}

// Some IdPs give no ID token at a refresh, and some name groups in none.
asio::awaitable<std::optional<std::vector<std::string>>> ClientAtIdp::groups_of(
    const VerifiedToken* token, const Tokens& tokens, const std::string& subject) {
  const auto& claim = groups_;
  if (claim.empty()) co_return std::nullopt;
  if (token != nullptr && token->claims.find(claim) != nullptr) co_return token->groups;
  const auto provider = co_await issuer_.provider();
  if (!provider) co_return std::nullopt;
  auto request = identity::userinfo_request(**provider, tokens);
  if (!request && token != nullptr) co_return token->groups;
  if (!request) co_return std::nullopt;
  const auto key = tokens.bound ? ProofKey::from_pem(tokens.proof_key.reveal()) : std::nullopt;
  const auto response = co_await ask(*std::move(request), key, &tokens.access_token);
  Result<identity::UserInfo, IdpFault> info = Unexpected{IdpFault{}};
  if (response)
    info = identity::read_userinfo(*response, subject, claim);
  else
    info = Unexpected{response.error()};
  if (!info) {
    log_.warning("the identity provider does not say who is in which groups: " +
                     host::log::printable(to_string(info.error())),
                 host::now().mono);
    co_return std::nullopt;
  }
  if (info->groups) {
    userinfo_names_groups_ = true;
    co_return std::move(info->groups);
  }
  if (token != nullptr || userinfo_names_groups_) co_return std::vector<std::string>();
  co_return std::nullopt;
}

// Once, and without waiting: a token that the IdP does not take back now ends by itself.
void ClientAtIdp::give_back(Tokens tokens) {
  asio::co_spawn(
      io_,
      [](ClientAtIdp& self, Tokens held) -> asio::awaitable<void> {
        const auto provider = co_await self.issuer_.provider();
        if (!provider) co_return;
        const bool by_refresh = !held.refresh_token.empty();
        const auto request = identity::revocation_request(
            self.context(**provider), by_refresh ? held.refresh_token : held.access_token,
            by_refresh ? identity::TokenHint::RefreshToken : identity::TokenHint::AccessToken);
        if (!request) co_return;
        const auto response = co_await self.issuer_.ask(*request);
        const Result<void, IdpFault> taken =
            response ? identity::read_revocation(*response)
                     : Result<void, IdpFault>(Unexpected{response.error()});
        if (!taken)
          self.log_.warning("the identity provider has not taken tokens back: " +
                                host::log::printable(to_string(taken.error())),
                            host::now().mono);
      }(*this, std::move(tokens)),
      asio::detached);
}

}  // namespace veilwire::agent_identity
