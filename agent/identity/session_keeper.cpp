#include "agent/identity/session_keeper.h"

#include "agent/host/clock.h"
#include "agent/host/log.h"
#include "userspace/identity/refresh_plan.h"
#include "userspace/identity/session_bytes.h"
#include "userspace/identity/token_bytes.h"

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
using identity::Care;
using identity::Caring;
using identity::Found;
using identity::Session;
using identity::SessionEnd;
using identity::Tokens;
using identity::wall_of;

std::string about(const Binding& binding) { return "tokens of " + to_string(binding); }

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
      writer_(io, parts_.store, [this] { return identity::encode_sessions(table_, parts_.boot); }) {
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
  std::vector<Binding> gone;
  for (const auto& [binding, session] : table_.sessions()) {
    if (session.end != SessionEnd::None || session.self_contained) continue;
    if (const auto tokens = tokens_of(binding); tokens && client_of(session) != nullptr)
      care_.keep(binding, caring_of(session, *tokens), session.checked_at.mono, random_number());
    else
      gone.push_back(binding);
  }
  for (const Binding& binding : gone) (void)table_.end(binding, SessionEnd::Expired, now);
  expire();
}

std::uint32_t SessionKeeper::random_number() const {
  std::uint32_t number = 0;
  parts_.random({reinterpret_cast<std::uint8_t*>(&number), sizeof number});
  return number;
}

Found SessionKeeper::find(const identity::Peer& peer, identity::Place place) const {
  const Now now = host::now();
  Found found = table_.find(peer, place, parts_.settings.bindings, now);
  if (found.session == nullptr || found.session->person.method != identity::kMachineMethod)
    return found;
  const Machine* const machine = parts_.machines.of(peer, place);
  if (machine != nullptr && machine->rule().name == found.session->person.name) return found;
  // Another's, or nobody's any more.
  Found none;
  none.binding = found.binding;
  none.good_until = now.mono;
  return none;
}

Machine* SessionKeeper::machine_of(const Session& session) const {
  return session.person.method == identity::kMachineMethod
             ? parts_.machines.named(session.person.name)
             : nullptr;
}

ClientAtIdp* SessionKeeper::client_of(const Session& session) const {
  if (session.person.method != identity::kMachineMethod) return parts_.people;
  Machine* const machine = machine_of(session);
  return machine != nullptr && machine->issuer() == session.person.issuer ? &machine->client()
                                                                          : nullptr;
}

Caring SessionKeeper::caring_of(const Session& session, const Tokens& tokens) const {
  const Machine* const machine = machine_of(session);
  return machine != nullptr ? machine->caring_of(tokens, random_number())
                            : client_of(session)->caring_of(tokens, random_number());
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
  writer_.changed();
  expire();
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
  ClientAtIdp* const client = at == table_.sessions().end() ? nullptr : client_of(at->second);
  if (!tokens || client == nullptr) {
    care_.drop(binding);
    co_return;
  }
  Machine* const machine = machine_of(at->second);
  const std::string sealed = at->second.sealed, subject = at->second.person.subject;
  const bool can_refresh = machine != nullptr || !tokens->refresh_token.empty();
  if (what == Care::Introspect && !client->can_introspect() && can_refresh) what = Care::Refresh;
  ++(what == Care::Refresh ? counters_.refreshes : counters_.checks);
  if (what == Care::Refresh && machine != nullptr) {
    conclude(binding, sealed, *machine, co_await machine->obtain());
  } else {
    IdpWord word;
    if (what == Care::Refresh)
      word = co_await client->refresh(*tokens, subject);
    else
      word = co_await client->introspect(*tokens, subject);
    conclude(binding, sealed, *client, std::move(word));
  }
  tell_changes();
  if (events_.checked) events_.checked(binding);
  pump();
}

// nullptr: signed out, or in anew, while the IdP was asked.
const Session* SessionKeeper::still(const Binding& binding, const std::string& sealed) const {
  const auto at = table_.sessions().find(binding);
  return at == table_.sessions().end() || at->second.sealed != sealed ? nullptr : &at->second;
}

void SessionKeeper::over(const Binding& binding, const Session& session) {
  ++counters_.ended;
  host::log::info("the identity provider ended the session of " +
                  host::log::printable(session.person.name) + " (" + to_string(binding) + ")");
  (void)table_.end(binding, SessionEnd::RevokedByIdp, host::now());
}

// One that nobody has asked for longer than a try is put off may be back.
bool SessionKeeper::idp_fails(const Session& session) const {
  const auto at = failed_at_.find(session.person.issuer);
  return at != failed_at_.end() && host::now().mono - at->second < 2 * limits::kIdpRetryMost;
}

void SessionKeeper::failed(const Binding& binding, const Session& session, const std::string& why,
                           std::optional<std::chrono::seconds> retry_after) {
  const Monotonic now = host::now().mono;
  ++counters_.failures;
  failed_at_[session.person.issuer] = now;
  care_.failed(binding, identity::retry_wait(care_.failures() + 1, random_number(), retry_after),
               now);
  log_.warning("the identity provider cannot be asked about sessions: " + host::log::printable(why),
               now);
}

void SessionKeeper::conclude(const Binding& binding, const std::string& sealed, ClientAtIdp& client,
                             IdpWord word) {
  const Now now = host::now();
  const Session* const session = still(binding, sealed);
  if (session == nullptr) {  // what it gave belongs to nobody
    if (word.fresh) client.give_back(*std::move(word.fresh));
    return;
  }
  if (word.fault && !word.refused)
    return failed(binding, *session, to_string(*word.fault), word.fault->retry_after);
  failed_at_.erase(session->person.issuer);
  if (word.over) return over(binding, *session);
  auto tokens = tokens_of(binding);
  if (word.refused) {
    if (tokens)
      care_.keep(binding, caring_of(*session, *tokens), session->checked_at.mono, random_number());
    return;
  }
  if (word.fresh) {
    identity::renew(*tokens, *std::move(word.fresh));
    const WallTime expires_at =
        tokens->refresh_token.empty() ? wall_of(tokens->until, now) : session->latest.wall;
    if (!table_.renew(binding, expires_at, seal(binding, *tokens), now))
      (void)table_.end(binding, SessionEnd::Expired, now);
  } else {
    (void)table_.confirm(binding, now);
  }
  if (word.groups) (void)table_.set_groups(binding, *std::move(word.groups), now);
  care_.keep(binding, caring_of(*session, *tokens), now.mono, random_number());
}

// A token in the first half of its life goes on, confirmed by one that nobody needs.
void SessionKeeper::conclude(const Binding& binding, const std::string& sealed, Machine& machine,
                             Result<Machine::Word, Machine::Failure> word) {
  const Now now = host::now();
  const Session* const session = still(binding, sealed);
  if (session == nullptr) return;
  if (!word && !word.error().denied)
    return failed(binding, *session, word.error().why, word.error().retry_after);
  failed_at_.erase(session->person.issuer);
  if (!word) return over(binding, *session);
  const auto tokens = tokens_of(binding);
  const Monotonic middle = identity::refresh_at(tokens->since, tokens->until, 0);
  if (word->subject != session->person.subject || middle <= now.mono) {
    if (const auto kept = keep(machine, binding, session->share, *std::move(word)); !kept)
      (void)table_.end(binding, SessionEnd::Expired, now);
    return;
  }
  (void)table_.confirm(binding, now);
  (void)table_.set_groups(binding, std::move(word->groups), now);
  care_.keep(binding, caring_of(*session, *tokens), now.mono, random_number());
}

bool SessionKeeper::sign_out(const Binding& binding) {
  auto tokens = tokens_of(binding);
  const auto at = table_.sessions().find(binding);
  ClientAtIdp* const client = at == table_.sessions().end() ? nullptr : client_of(at->second);
  if (!table_.end(binding, SessionEnd::SignedOut, host::now())) return false;
  ++counters_.ended;
  if (tokens && client != nullptr) client->give_back(*std::move(tokens));
  tell_changes();
  return true;
}

std::size_t SessionKeeper::revoke(const std::string& subject) {
  const Now now = host::now();
  std::set<std::string> issuers;
  std::vector<std::pair<ClientAtIdp*, Tokens>> tokens;
  for (const auto& [binding, session] : table_.sessions()) {
    if (session.person.subject != subject || session.end != SessionEnd::None) continue;
    issuers.insert(session.person.issuer);
    ClientAtIdp* const client = client_of(session);
    if (auto opened = tokens_of(binding); opened && client != nullptr)
      tokens.emplace_back(client, *std::move(opened));
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
  for (auto& [client, opened] : tokens) client->give_back(std::move(opened));
  counters_.ended += count;
  tell_changes();
  return count;
}

void SessionKeeper::carry_out(const std::vector<identity::SecurityEvent>& events) {
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
  tell_changes();
}

}  // namespace veilwire::agent_identity
