#include "agent/identity/session_keeper.h"

#include "agent/host/clock.h"
#include "agent/host/log.h"
#include "userspace/crypto/encoding.h"
#include "userspace/identity/introspection.h"
#include "userspace/identity/jwt.h"
#include "userspace/identity/local.h"
#include "userspace/identity/refresh_plan.h"
#include "userspace/identity/revocation.h"
#include "userspace/identity/session_bytes.h"
#include "userspace/identity/token_bytes.h"
#include "userspace/identity/userinfo.h"

#include <algorithm>
#include <set>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace veilwire::agent_identity {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using identity::Binding;
using identity::BindingKind;
using identity::Care;
using identity::Caring;
using identity::Found;
using identity::IdpFault;
using identity::IdpVerdict;
using identity::SessionEnd;
using identity::Tokens;
using identity::VerifiedToken;

// Changes of one moment are one write.
constexpr std::chrono::milliseconds kSaveDelay{100};

WallTime wall_of(Monotonic at, Now now) { return {now.wall.since_epoch + (at - now.mono)}; }

std::string about(const Binding& binding) { return "tokens of " + to_string(binding); }

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

asio::steady_timer::time_point steady(Monotonic at) {
  return asio::steady_timer::time_point(at.since_start);
}

}  // namespace

SessionKeeper::SessionKeeper(asio::io_context& io, Parts parts, Events events)
    : io_(io),
      parts_(std::move(parts)),
      events_(std::move(events)),
      table_(parts_.settings.times),
      // So that the next word is there before the last one is an old one.
      care_({.check_every =
                 std::max(parts_.settings.times.fresh_for * 2 / 3, std::chrono::seconds(1)),
             .in_use = parts_.settings.times.fresh_for * 2}),
      pump_timer_(io),
      expire_timer_(io),
      save_timer_(io) {
  for (const identity::CiRule& rule : parts_.settings.ci_rules) {
    auto& issuer = ci_issuers_[rule.issuer];
    if (issuer == nullptr)
      issuer = std::make_unique<Issuer>(io, parts_.idp, *identity::parse_issuer(rule.issuer),
                                        parts_.settings.idp_patience, parts_.random);
  }
  load();
}

void SessionKeeper::load() {
  const SessionStore::Loaded loaded = parts_.store.load();
  std::string complaint = loaded.complaint;
  if (loaded.bytes) {
    auto table =
        identity::decode_sessions(loaded.bytes->reveal(), parts_.boot, parts_.settings.times);
    if (table)
      table_ = *std::move(table);
    else if (table.error() != identity::SessionBytesError::OtherBoot)
      complaint = to_string(table.error());
  }
  if (!complaint.empty())
    host::log::error(parts_.store.file() + ": " + complaint +
                     "; nobody is signed in, and it will be overwritten");
  const Now now = host::now();
  table_.expire(now);
  told_ = table_.generation();
  for (const auto& [binding, session] : table_.sessions()) {
    if (session.end != SessionEnd::None || session.self_contained) continue;
    if (const auto tokens = tokens_of(binding))
      care_.keep(binding, caring_of(*tokens), session.checked_at.mono, random_number());
  }
  expire();
}

std::uint32_t SessionKeeper::random_number() const {
  std::uint32_t number = 0;
  parts_.random({reinterpret_cast<std::uint8_t*>(&number), sizeof number});
  return number;
}

identity::ClientContext SessionKeeper::context(const identity::OidcProvider& provider) const {
  return {.provider = provider,
          .client = parts_.client,
          .now = host::now().wall,
          .random = parts_.random};
}

Found SessionKeeper::find(const identity::Peer& peer, identity::Place place) const {
  return table_.find(peer, place, parts_.settings.bindings, host::now());
}

void SessionKeeper::used(const Binding& binding) {
  const Monotonic now = host::now().mono;
  care_.used(binding, now);
  const auto next = care_.next();
  if (next && *next <= now)
    pump();
  else
    wait_for_due();
}

// What the document does not say is tried once it can be read. Some IdPs have the endpoint, and
// answer no client that has no secret.
bool SessionKeeper::can_introspect() const {
  if (introspection_refused_) return false;
  const ProviderPtr& provider = parts_.issuer == nullptr ? nullptr : parts_.issuer->last_provider();
  return provider == nullptr || provider->endpoints.introspection.has_value();
}

Caring SessionKeeper::caring_of(const Tokens& tokens) const {
  Caring caring;
  const bool can_refresh = !tokens.refresh_token.empty();
  const bool groups_matter = !parts_.settings.groups_claim.empty();
  if (can_introspect() &&
      !(can_refresh && groups_matter && introspection_names_groups_ == std::optional(false)))
    caring.check = Care::Introspect;
  else if (can_refresh)
    caring.check = Care::Refresh;
  if (can_refresh)
    caring.refresh_at = identity::refresh_at(tokens.since, tokens.until, random_number());
  return caring;
}

std::string SessionKeeper::seal(const Binding& binding, const Tokens& tokens) const {
  return parts_.sealer.seal(identity::encode_tokens(tokens).reveal(), about(binding),
                            parts_.random);
}

std::optional<Tokens> SessionKeeper::tokens_of(const Binding& binding) const {
  const auto at = table_.sessions().find(binding);
  if (at == table_.sessions().end() || at->second.sealed.empty()) return std::nullopt;
  const auto opened = parts_.sealer.open(at->second.sealed, about(binding));
  if (!opened) return std::nullopt;
  return identity::decode_tokens(opened->reveal());
}

void SessionKeeper::tell_changes() {
  if (table_.generation() != told_) {
    const auto changes = table_.changes_since(told_);
    told_ = table_.generation();
    for (const auto& binding : changes.value_or(std::vector<Binding>())) {
      const auto at = table_.sessions().find(binding);
      if (at == table_.sessions().end() || at->second.end != SessionEnd::None) care_.drop(binding);
    }
    if (events_.changed) events_.changed(changes);
  }
  save_soon();
  expire();
}

void SessionKeeper::save_soon() {
  if (std::exchange(save_waits_, true)) return;
  save_timer_.expires_after(kSaveDelay);
  save_timer_.async_wait([this](const error_code& error) {
    if (!error) (void)save();
  });
}

bool SessionKeeper::save() {
  save_waits_ = false;
  const Secret bytes(identity::encode_sessions(table_, parts_.boot));
  const int error = parts_.store.save(bytes.reveal());
  if (error != 0)
    log_.warning(parts_.store.file() + ": " + std::generic_category().message(error) +
                     "; a restart would sign everybody out",
                 host::now().mono);
  return error == 0;
}

void SessionKeeper::expire() {
  const auto next = table_.next_deadline(host::now());
  if (!next) return;
  expire_timer_.expires_at(steady(*next));
  expire_timer_.async_wait([this](const error_code& error) {
    if (error) return;
    table_.expire(host::now());
    tell_changes();
  });
}

void SessionKeeper::pump() {
  if (stopping_) return;
  for (const auto& [binding, what] : care_.take_due(host::now().mono))
    asio::co_spawn(io_, check(binding, what), asio::detached);
  wait_for_due();
}

void SessionKeeper::wait_for_due() {
  const auto next = care_.next();
  if (!next) return;
  pump_timer_.expires_at(steady(*next));
  pump_timer_.async_wait([this](const error_code& error) {
    if (!error) pump();
  });
}

asio::awaitable<void> SessionKeeper::check(Binding binding, Care what) {
  const auto tokens = tokens_of(binding);
  const auto at = table_.sessions().find(binding);
  if (!tokens || at == table_.sessions().end() || parts_.issuer == nullptr) {
    care_.drop(binding);
    co_return;
  }
  const std::string sealed = at->second.sealed, subject = at->second.person.subject;
  const bool can_refresh = !tokens->refresh_token.empty();
  if (what == Care::Introspect && !can_introspect() && can_refresh) what = Care::Refresh;
  ++(what == Care::Refresh ? counters_.refreshes : counters_.checks);
  Asked asked;
  if (what == Care::Refresh)
    asked = co_await refresh(*tokens, subject);
  else
    asked = co_await introspect(*tokens, subject);
  conclude(binding, sealed, std::move(asked));
  tell_changes();
  if (events_.checked) events_.checked(binding);
  pump();
}

void SessionKeeper::conclude(const Binding& binding, const std::string& sealed, Asked asked) {
  const Now now = host::now();
  const auto at = table_.sessions().find(binding);
  if (at == table_.sessions().end() || at->second.sealed != sealed) {
    // Signed out, or in anew, while the IdP was asked: what it gave belongs to nobody.
    if (asked.fresh) give_back(*std::move(asked.fresh));
    return;
  }
  if (asked.over) {
    ++counters_.ended;
    host::log::info("the identity provider ended the session of " +
                    host::log::printable(at->second.person.name) + " (" + to_string(binding) + ")");
    (void)table_.end(binding, SessionEnd::RevokedByIdp, now);
    return;
  }
  if (asked.refused) {
    if (const auto tokens = tokens_of(binding))
      care_.keep(binding, caring_of(*tokens), at->second.checked_at.mono, random_number());
    return;
  }
  if (asked.fault) {
    ++counters_.failures;
    care_.failed(
        binding,
        identity::retry_wait(care_.failures() + 1, random_number(), asked.fault->retry_after),
        now.mono);
    log_.warning("the identity provider cannot be asked about sessions: " +
                     host::log::printable(to_string(*asked.fault)),
                 now.mono);
    return;
  }
  auto tokens = tokens_of(binding);
  if (asked.fresh) {
    identity::renew(*tokens, *std::move(asked.fresh));
    const WallTime expires_at =
        tokens->refresh_token.empty() ? wall_of(tokens->until, now) : at->second.latest.wall;
    if (!table_.renew(binding, expires_at, seal(binding, *tokens), now))
      (void)table_.end(binding, SessionEnd::Expired, now);
  } else {
    (void)table_.confirm(binding, now);
  }
  if (asked.groups) (void)table_.set_groups(binding, *std::move(asked.groups), now);
  care_.keep(binding, caring_of(*tokens), now.mono, random_number());
}

asio::awaitable<SessionKeeper::Asked> SessionKeeper::introspect(const Tokens& tokens,
                                                                const std::string& subject) {
  const auto provider = co_await parts_.issuer->provider();
  if (!provider) co_return Asked{.fault = provider.error()};
  const bool by_refresh = !tokens.refresh_token.empty();
  const auto request = identity::introspection_request(
      context(**provider), by_refresh ? tokens.refresh_token : tokens.access_token,
      by_refresh ? identity::TokenHint::RefreshToken : identity::TokenHint::AccessToken);
  if (!request)
    co_return Asked{.fault = IdpFault{.error = identity::IdpError::MemberMissing,
                                      .about = "introspection_endpoint"}};
  const auto response = co_await parts_.issuer->ask(*request);
  if (!response) co_return Asked{.fault = response.error()};
  auto answer = identity::read_introspection(*response, parts_.settings.groups_claim);
  if (!answer) {
    // Glewlwyd says 401 without an error of OAuth.
    const bool refused = identity::verdict(answer.error()) != IdpVerdict::Failing ||
                         answer.error().status == 401 || answer.error().status == 403;
    if (refused && !std::exchange(introspection_refused_, true))
      host::log::warning("the identity provider answers us no question about tokens (" +
                         host::log::printable(to_string(answer.error())) +
                         "): sessions are checked by refreshing them");
    co_return Asked{.fault = answer.error(), .refused = refused};
  }
  if (!confirms(*answer, parts_.issuer->name(), subject, host::now().wall))
    co_return Asked{.over = true};
  introspection_names_groups_ = answer->groups.has_value();
  co_return Asked{.groups = std::move(answer->groups)};
}

asio::awaitable<SessionKeeper::Asked> SessionKeeper::refresh(const Tokens& tokens,
                                                             const std::string& subject) {
  const auto provider = co_await parts_.issuer->provider();
  if (!provider) co_return Asked{.fault = provider.error()};
  const auto request = identity::refresh_request(context(**provider), tokens.refresh_token);
  if (!request)
    co_return Asked{
        .fault = IdpFault{.error = identity::IdpError::MemberMissing, .about = "token_endpoint"}};
  const Monotonic asked_at = host::now().mono;
  const auto response = co_await parts_.issuer->ask(*request);
  if (!response) co_return Asked{.fault = response.error()};
  auto fresh = identity::read_tokens(*response, identity::IdToken::Optional, asked_at);
  if (!fresh) {
    if (identity::verdict(fresh.error()) == IdpVerdict::Denied) co_return Asked{.over = true};
    co_return Asked{.fault = fresh.error()};
  }
  Asked asked;
  if (fresh->id_token.empty()) {
    asked.groups = co_await groups_of(nullptr, fresh->access_token, subject);
  } else {
    const identity::TokenExpectation expected{.issuer = parts_.issuer->name(),
                                              .audience = parts_.client.id(),
                                              .groups = parts_.settings.groups_claim};
    auto token = co_await parts_.issuer->verify(fresh->id_token, expected);
    if (token && token->subject != subject) co_return Asked{.over = true};
    if (token)
      asked.groups = co_await groups_of(&*token, fresh->access_token, subject);
    else  // the grant stands, and the old refresh token may be gone: what came is kept
      log_.warning("after a refresh " + host::log::printable(token.error()), host::now().mono);
  }
  asked.fresh = *std::move(fresh);
  co_return asked;
}

// Some IdPs give no ID token at a refresh, and some name groups in none.
asio::awaitable<std::optional<std::vector<std::string>>> SessionKeeper::groups_of(
    const VerifiedToken* token, const Secret& access_token, const std::string& subject) {
  const auto& claim = parts_.settings.groups_claim;
  if (claim.empty()) co_return std::nullopt;
  if (token != nullptr && token->claims.find(claim) != nullptr) co_return token->groups;
  const auto provider = co_await parts_.issuer->provider();
  if (!provider) co_return std::nullopt;
  const auto request = identity::userinfo_request(**provider, access_token);
  if (!request && token != nullptr) co_return token->groups;
  if (!request) co_return std::nullopt;
  const auto response = co_await parts_.issuer->ask(*request);
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
  const identity::TokenExpectation expected{.issuer = parts_.issuer->name(),
                                            .audience = parts_.client.id(),
                                            .nonce = std::move(nonce),
                                            .groups = parts_.settings.groups_claim};
  auto token = co_await parts_.issuer->verify(tokens.id_token, expected);
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
    give_back(std::move(tokens));
    co_return Unexpected{rule.error()};
  }
  const auto groups = co_await groups_of(&*token, tokens.access_token, token->subject);
  if (groups) token->groups = *groups;
  if (can_introspect()) {
    const Asked asked = co_await introspect(tokens, token->subject);
    if (asked.over) {
      ++counters_.refused;
      co_return Unexpected{std::string("the identity provider does not stand by its own tokens")};
    }
    if (asked.groups) token->groups = *asked.groups;
  }
  const Now now = host::now();
  const Caring caring = caring_of(tokens);
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

bool SessionKeeper::sign_out(const Binding& binding) {
  auto tokens = tokens_of(binding);
  if (!table_.end(binding, SessionEnd::SignedOut, host::now())) return false;
  ++counters_.ended;
  if (tokens) give_back(*std::move(tokens));
  tell_changes();
  return true;
}

std::size_t SessionKeeper::revoke(const std::string& subject) {
  const Now now = host::now();
  std::set<std::string> issuers;
  std::map<Binding, Tokens> tokens;
  for (const auto& [binding, session] : table_.sessions()) {
    if (session.person.subject != subject || session.end != SessionEnd::None) continue;
    issuers.insert(session.person.issuer);
    if (auto opened = tokens_of(binding)) tokens.emplace(binding, *std::move(opened));
  }
  std::size_t count = 0;
  for (const std::string& issuer : issuers)
    count += table_
                 .revoke({.kind = identity::RevocationKind::Subject,
                          .issuer = issuer,
                          .what = subject,
                          .at = now.wall},
                         SessionEnd::RevokedByOperator, now)
                 .size();
  for (auto& [binding, opened] : tokens) give_back(std::move(opened));
  counters_.ended += count;
  tell_changes();
  return count;
}

bool SessionKeeper::carry_out(const std::vector<identity::SecurityEvent>& events) {
  for (const identity::SecurityEvent& event : events) {
    for (const Binding& binding : identity::carry_out(event, table_, host::now())) {
      ++counters_.ended;
      const auto at = table_.sessions().find(binding);
      const std::string name = at == table_.sessions().end() ? "" : at->second.person.name;
      host::log::info("an event (" + std::string(to_string(event.kind)) +
                      ") ended the session of " + host::log::printable(name) + " (" +
                      to_string(binding) + ")");
    }
  }
  const bool saved = save();
  tell_changes();  // the sessions have ended, at rest or not
  return saved;
}

// Once, and without waiting: a token that the IdP does not take back now ends by itself.
void SessionKeeper::give_back(Tokens tokens) {
  if (parts_.issuer == nullptr) return;
  asio::co_spawn(
      io_,
      [](SessionKeeper& self, Tokens held) -> asio::awaitable<void> {
        const auto provider = co_await self.parts_.issuer->provider();
        if (!provider) co_return;
        const bool by_refresh = !held.refresh_token.empty();
        const auto request = identity::revocation_request(
            self.context(**provider), by_refresh ? held.refresh_token : held.access_token,
            by_refresh ? identity::TokenHint::RefreshToken : identity::TokenHint::AccessToken);
        if (!request) co_return;
        const auto response = co_await self.parts_.issuer->ask(*request);
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
