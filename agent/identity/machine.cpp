#include "agent/identity/machine.h"

#include "agent/host/clock.h"
#include "agent/host/log.h"
#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"
#include "userspace/identity/introspection.h"
#include "userspace/identity/jwt.h"
#include "userspace/identity/refresh_plan.h"

#include <algorithm>
#include <utility>

namespace veilwire::agent_identity {
namespace {

namespace asio = boost::asio;
using identity::Care;
using identity::IdpFault;
using identity::IdpVerdict;
using Failure = Machine::Failure;

// A client is who it is about: what says no to it as a client says no to the machine.
Unexpected<Failure> failing(const IdpFault& fault) {
  return Unexpected{Failure{.why = to_string(fault),
                            .denied = identity::verdict(fault) != IdpVerdict::Failing,
                            .retry_after = fault.retry_after}};
}

std::string digest_of(const Secret& token) {
  return crypto::hex_encode(crypto::sha256(token.reveal()));
}

}  // namespace

Machine::Machine(asio::io_context& io, Issuer& issuer, MachineSettings settings,
                 std::vector<std::string> groups, crypto::RandomSource random)
    : settings_(std::move(settings)),
      groups_(settings_.rule.groups.empty() ? std::move(groups) : std::vector<std::string>()),
      client_(io, issuer, make_client(settings_.client), SenderConstraint::None, groups_,
              std::move(random)) {}

identity::Caring Machine::caring_of(const identity::Tokens& tokens, std::uint32_t random) const {
  const bool opaque = settings_.audience.empty();
  return {.check = opaque && client_.can_introspect() ? Care::Introspect : Care::Refresh,
          .refresh_at = identity::refresh_at(tokens.since, tokens.until, random)};
}

asio::awaitable<Result<Machine::Word, Failure>> Machine::obtain() {
  const auto provider = co_await client_.issuer().provider();
  if (!provider) co_return failing(provider.error());
  const auto request = identity::client_credentials_request(client_.context(**provider),
                                                            settings_.scope, settings_.resource);
  if (!request)
    co_return failing({.error = identity::IdpError::MemberMissing, .about = "token_endpoint"});
  const Now asked_at = host::now();
  const auto response = co_await client_.issuer().ask(*request);
  if (!response) co_return failing(response.error());
  auto tokens = identity::read_tokens(*response, identity::IdToken::Optional, asked_at.mono);
  if (!tokens) co_return failing(tokens.error());
  // RFC 6749, 4.4.3: there should be none, and the credentials serve better.
  tokens->refresh_token.clear();
  tokens->id_token.clear();
  Word word{.tokens = *std::move(tokens),
            .subject = client_.id(),
            .token = "",
            .groups = settings_.rule.groups,
            .issued_at = asked_at.wall,
            .expires_at = {}};
  word.expires_at = {asked_at.wall.since_epoch + (word.tokens.until - word.tokens.since)};
  // Not by ?:, where GCC 12 destroys what co_await gave a second time.
  Result<void, Failure> verified;
  if (settings_.audience.empty())
    verified = co_await ask_about(word);
  else
    verified = co_await read(word);
  if (!verified) co_return Unexpected{verified.error()};
  co_return word;
}

asio::awaitable<Result<void, Failure>> Machine::read(Word& word) {
  const identity::TokenExpectation expected{.kind = identity::TokenKind::Access,
                                            .issuer = issuer(),
                                            .audience = settings_.audience,
                                            .groups = groups_};
  auto token = co_await client_.issuer().verify(word.tokens.access_token, expected);
  if (!token) co_return Unexpected{Failure{.why = token.error()}};
  if (token->authorized_party != client_.id())
    co_return Unexpected{Failure{.why = "its token is another client's"}};
  word.subject = token->subject;
  word.token = token->id;
  if (!groups_.empty()) word.groups = std::move(token->groups);
  word.issued_at = token->issued_at;
  word.expires_at = std::min(word.expires_at, *token->expires_at);
  co_return Result<void, Failure>();
}

asio::awaitable<Result<void, Failure>> Machine::ask_about(Word& word) {
  auto answer = co_await client_.ask_about(word.tokens);
  if (!answer) co_return failing(answer.error());
  if (!confirms(*answer, issuer(), answer->subject, host::now().wall))
    co_return Unexpected{
        Failure{.why = "the identity provider does not stand by its token", .denied = true}};
  if (!answer->client_id.empty() && answer->client_id != client_.id())
    co_return Unexpected{Failure{.why = "its token is another client's"}};
  if (!answer->subject.empty()) word.subject = std::move(answer->subject);
  word.token = digest_of(word.tokens.access_token);
  if (answer->groups) word.groups = *std::move(answer->groups);
  if (answer->expires_at) word.expires_at = std::min(word.expires_at, *answer->expires_at);
  co_return Result<void, Failure>();
}

Machines::Machines(asio::io_context& io, IdpClient& idp,
                   const std::vector<MachineSettings>& settings,
                   const std::vector<std::string>& groups, const std::string& roots,
                   std::chrono::milliseconds patience, crypto::RandomSource random) {
  for (const MachineSettings& one : settings) {
    const bool shows = one.client.method == identity::ClientMethod::Certificate;
    const auto same = std::find_if(links_.begin(), links_.end(), [&](const Link& link) {
      return !link.own && link.issuer->name() == one.issuer.text;
    });
    Issuer* issuer = shows || same == links_.end() ? nullptr : same->issuer.get();
    if (issuer == nullptr) {
      Link link;
      if (shows)
        link.own = std::make_unique<IdpClient>(io, make_tls(roots, one.client),
                                               [] { return host::now().wall; });
      link.issuer =
          std::make_unique<Issuer>(io, link.own ? *link.own : idp, one.issuer, patience, random);
      issuer = link.issuer.get();
      links_.push_back(std::move(link));
    }
    rules_.push_back(one.rule);
    machines_.push_back(std::make_unique<Machine>(io, *issuer, one, groups, random));
  }
}

Machine* Machines::of(const identity::Peer& peer, identity::Place place) const {
  const identity::MachineRule* const rule = identity::machine_of(peer, place, rules_);
  return rule == nullptr ? nullptr
                         : machines_[static_cast<std::size_t>(rule - rules_.data())].get();
}

Machine* Machines::named(const std::string& name) const {
  const auto found = std::find_if(machines_.begin(), machines_.end(),
                                  [&](const auto& one) { return one->rule().name == name; });
  return found == machines_.end() ? nullptr : found->get();
}

}  // namespace veilwire::agent_identity
