// How a sign-in becomes a session: what proves it, to whom the account belongs, and what is kept.
#include "agent/host/clock.h"
#include "agent/host/log.h"
#include "agent/identity/session_keeper.h"
#include "userspace/crypto/encoding.h"
#include "userspace/identity/jwt.h"
#include "userspace/identity/local.h"

#include <set>
#include <utility>

namespace veilwire::agent_identity {
namespace {

namespace asio = boost::asio;
using identity::Binding;
using identity::BindingKind;
using identity::Caring;
using identity::Found;
using identity::Tokens;
using identity::VerifiedToken;
using identity::wall_of;

// What names the token in a revocation: its jti, or a digest where it has none.
std::string token_name(const VerifiedToken& token, const Secret& text) {
  return token.id.empty() ? crypto::hex_encode(crypto::sha256(text.reveal())) : token.id;
}

const std::string& shown_name(const VerifiedToken& token) {
  if (!token.preferred_username.empty()) return token.preferred_username;
  return token.name.empty() ? token.subject : token.name;
}

// Who has signed in for what is no login of a person is a service.
identity::Person person_of(const VerifiedToken& token, const Binding& binding, std::string method) {
  return {.issuer = token.issuer,
          .subject = token.subject,
          .name = shown_name(token),
          .groups = token.groups,
          .person_class = binding.kind == BindingKind::Login ? identity::PersonClass::Human
                                                             : identity::PersonClass::Service,
          .method = std::move(method),
          .valid_until = {}};
}

}  // namespace

Result<void, identity::SessionError> SessionKeeper::keep(Machine& machine, const Binding& binding,
                                                         std::uint32_t share, Machine::Word word) {
  const Now now = host::now();
  auto outcome = table_.add({.binding = binding,
                             .person = {.issuer = machine.issuer(),
                                        .subject = std::move(word.subject),
                                        .name = machine.rule().name,
                                        .groups = std::move(word.groups),
                                        .person_class = identity::PersonClass::Service,
                                        .method = std::string(identity::kMachineMethod),
                                        .valid_until = {}},
                             .token = std::move(word.token),
                             .sealed = seal(binding, word.tokens),
                             .share = share,
                             .issued_at = word.issued_at,
                             .expires_at = word.expires_at},
                            now);
  care_.drop(binding);  // of the one before
  if (!outcome) return Unexpected{outcome.error()};
  care_.keep(binding, machine.caring_of(word.tokens, random_number()), now.mono, random_number());
  used(binding);
  return {};
}

asio::awaitable<Result<void, Machine::Failure>> SessionKeeper::sign_in(Machine& machine,
                                                                       Binding binding,
                                                                       std::uint32_t share) {
  auto word = co_await machine.obtain();
  if (!word) {
    ++counters_.refused;
    co_return Unexpected{word.error()};
  }
  const auto kept = keep(machine, binding, share, *std::move(word));
  if (!kept) {
    ++counters_.refused;
    co_return Unexpected{Machine::Failure{.why = std::string(to_string(kept.error()))}};
  }
  ++counters_.sign_ins;
  host::log::info(host::log::printable(machine.rule().name) + " signed in (machine, " +
                  to_string(binding) + ")");
  tell_changes();
  co_return Result<void, Machine::Failure>();
}

// The name of the rule by which the account is theirs.
asio::awaitable<Result<std::string, std::string>> SessionKeeper::owner(const LocalPeer& who,
                                                                       const VerifiedToken& token) {
  const std::uint32_t uid = accountable_uid(who.peer);
  const auto account = co_await parts_.accounts.find(uid);
  if (!account) co_return Unexpected{account.error().message};
  if (!*account)
    co_return Unexpected{"user id " + std::to_string(uid) +
                         " has no entry in the user database of this host"};
  const auto ownership = identity::owns_account(token, **account, parts_.settings.subjects);
  if (!ownership) {
    host::log::warning("refused a sign-in: " + host::log::printable(ownership.error().message));
    co_return Unexpected{"the identity provider says that you are " + shown_name(token) +
                         ", to whom the account " + (*account)->name +
                         " of this host does not belong"};
  }
  co_return ownership->rule;
}

Result<Found, std::string> SessionKeeper::added(
    const LocalPeer& who, Result<std::optional<identity::Person>, identity::SessionError> outcome) {
  if (!outcome) {
    ++counters_.refused;
    return Unexpected{std::string(to_string(outcome.error()))};
  }
  ++counters_.sign_ins;
  tell_changes();
  const Found found = find(who.peer, who.place);
  if (found.session == nullptr) return Unexpected{reason(found)};
  host::log::info(host::log::printable(found.session->person.name) + " signed in (" +
                  found.session->person.method + ", " + to_string(found.binding) + ")");
  return found;
}

asio::awaitable<Result<Found, std::string>> SessionKeeper::sign_in(
    LocalPeer who, Tokens tokens, std::string method, std::optional<std::string> nonce) {
  const auto binding = binding_for_sign_in(who.peer, who.place, parts_.settings.bindings);
  if (!binding) co_return Unexpected{std::string(to_string(binding.error()))};
  ClientAtIdp& client = *parts_.people;
  identity::TokenExpectation expected = client.expectation();
  expected.nonce = std::move(nonce);
  auto token = co_await client.issuer().verify(tokens.id_token, expected);
  if (!token) {
    ++counters_.refused;
    host::log::warning("refused a sign-in: " + host::log::printable(token.error()));
    co_return Unexpected{std::string(
        "the answer of the identity provider cannot be trusted; an administrator finds the reason "
        "in the log of veilwire-identity")};
  }
  const auto rule = co_await owner(who, *token);
  if (!rule) {
    ++counters_.refused;
    client.give_back(std::move(tokens));
    co_return Unexpected{rule.error()};
  }
  const auto groups = co_await client.groups_of(&*token, tokens, token->subject);
  if (groups) token->groups = *groups;
  if (client.can_introspect()) {
    const IdpWord word = co_await client.introspect(tokens, token->subject);
    if (word.over) {
      ++counters_.refused;
      co_return Unexpected{std::string("the identity provider does not stand by its own tokens")};
    }
    if (word.groups) token->groups = *word.groups;
  }
  const Now now = host::now();
  const Caring caring = client.caring_of(tokens, random_number());
  const bool can_refresh = !tokens.refresh_token.empty();
  auto outcome = table_.add(
      {.binding = *binding,
       .person = person_of(*token, *binding, std::move(method)),
       .idp_session = token->session,
       .token = token_name(*token, tokens.id_token),
       .sealed = seal(*binding, tokens),
       .share = who.peer.uid,
       .self_contained = !caring.check,
       .issued_at = token->issued_at,
       // What can be refreshed ends with the IdP's word and with the longest time of a session.
       .expires_at = can_refresh ? WallTime{now.wall.since_epoch + parts_.settings.times.longest}
                                 : wall_of(tokens.until, now)},
      now);
  if (outcome && caring.check) {
    care_.drop(*binding);  // of the one before
    care_.keep(*binding, caring, now.mono, random_number());
    used(*binding);
  }
  co_return added(who, std::move(outcome));
}

asio::awaitable<Result<Found, std::string>> SessionKeeper::sign_in(LocalPeer who,
                                                                   VerifiedToken token,
                                                                   std::string method) {
  const auto binding = binding_for_sign_in(who.peer, who.place, parts_.settings.bindings);
  if (!binding) co_return Unexpected{std::string(to_string(binding.error()))};
  const auto rule = co_await owner(who, token);
  if (!rule) {
    ++counters_.refused;
    co_return Unexpected{rule.error()};
  }
  care_.drop(*binding);  // of the one before
  identity::SignIn sign_in{.binding = *binding,
                           .person = person_of(token, *binding, std::move(method)),
                           .idp_session = token.session,
                           .token = token.id,
                           .share = who.peer.uid,
                           .self_contained = true,
                           .issued_at = token.issued_at,
                           .expires_at = *token.expires_at};
  co_return added(who, table_.add(std::move(sign_in), host::now()));
}

asio::awaitable<Result<Found, std::string>> SessionKeeper::attach(LocalPeer who, Secret token) {
  const auto refused = [this](const std::string& why) {
    ++counters_.refused;
    host::log::warning("refused a job: " + host::log::printable(why));
    return Unexpected{std::string("the job is refused: ") + why};
  };
  const auto binding = binding_for_job(who.peer, who.place, parts_.settings.bindings);
  if (!binding) co_return refused(std::string(to_string(binding.error())));
  const auto name = identity::claimed_issuer(token.reveal());
  if (!name) co_return refused(to_string(name.error()));
  const auto issuer = ci_issuers_.find(*name);
  if (issuer == ci_issuers_.end()) co_return refused("no rule is about the issuer of its token");
  std::set<std::string> audiences;
  for (const identity::CiRule& rule : parts_.settings.ci_rules)
    if (rule.issuer == *name) audiences.insert(rule.audience);
  std::optional<VerifiedToken> verified;
  std::string why;
  for (const std::string& audience : audiences) {
    const identity::TokenExpectation expected{.issuer = *name, .audience = audience};
    auto result = co_await issuer->second->verify(token, expected);
    if (result) {
      verified = *std::move(result);
      break;
    }
    why = result.error();
  }
  if (!verified) co_return refused(why);
  auto job = identity::judge_job(*verified, parts_.settings.ci_rules);
  if (!job) co_return refused(job.error().message);
  care_.drop(*binding);
  co_return added(who, table_.add({.binding = *binding,
                                   .person = {.issuer = verified->issuer,
                                              .subject = verified->subject,
                                              .name = std::move(job->display),
                                              .groups = std::move(job->groups),
                                              .person_class = identity::PersonClass::Ci,
                                              .method = "ci",
                                              .valid_until = {}},
                                   .token = token_name(*verified, token),
                                   .share = who.peer.uid,
                                   .self_contained = true,
                                   .issued_at = verified->issued_at,
                                   .expires_at = *verified->expires_at},
                                  host::now()));
}

}  // namespace veilwire::agent_identity
