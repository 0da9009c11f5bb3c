#include "userspace/identity/session_table.h"

#include "userspace/identity/printable.h"

#include <algorithm>

namespace veilwire::identity {
namespace {

void tidy(std::vector<std::string>& groups) {
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
}

// A revocation by subject is of a moment; a session or a token of the IdP has one life.
bool concerns(const Revocation& revocation, const Session& session) {
  if (revocation.issuer != session.person.issuer) return false;
  switch (revocation.kind) {
    case RevocationKind::Subject:
      return revocation.what == session.person.subject && session.issued_at <= revocation.at;
    case RevocationKind::IdpSession:
      return revocation.what == session.idp_session;
    case RevocationKind::Token:
      return revocation.what == session.token;
  }
  return false;
}

bool is_well_formed(const Revocation& revocation) {
  const auto fits = [](std::string_view text) {
    return printable(text) && text.size() <= limits::kTokenText;
  };
  return fits(revocation.issuer) && fits(revocation.what) && is_plausible(revocation.at);
}

void set_expiry(Session& session, WallTime expires_at, Now now) {
  session.expires_at = std::min(expires_at, session.latest.wall);
  session.ends_at = std::min(session.latest.mono,
                             now.mono + (session.expires_at.since_epoch - now.wall.since_epoch));
}

bool fit(const Binding& binding, const Session& session) {
  return is_well_formed(binding) && is_well_formed(session) &&
         (binding.kind == BindingKind::Job) == (session.person.person_class == PersonClass::Ci);
}

}  // namespace

std::string_view to_string(SessionError error) {
  switch (error) {
    case SessionError::Malformed:
      return "who signed in cannot be put on record";
    case SessionError::TooLarge:
      return "the tokens of the sign-in are too large";
    case SessionError::AlreadyOver:
      return "the sign-in has expired already";
    case SessionError::Revoked:
      return "the sign-in has been revoked";
    case SessionError::TooManyOfUser:
      return "this user has too many sessions; sign out of some";
    case SessionError::TooMany:
      return "this host has too many sessions";
  }
  return "unknown";
}

Person person_of(const Found& found, const Peer& peer, const Account* running_as) {
  Person person = found.session->person;
  person.person_class = found.person_class;
  person.valid_until = found.good_until;
  person.standing = found.standing;
  if (found.person_class == PersonClass::Derived) {
    const bool has_name = running_as != nullptr && printable(running_as->name);
    person.running_as = has_name ? running_as->name : "user id " + std::to_string(peer.uid);
  }
  return person;
}

std::string reason(const Found& found) {
  if (found.fault)
    return "nobody can sign in for this process: " + std::string(to_string(*found.fault));
  if (found.session == nullptr) return "nobody has signed in for the " + to_string(found.binding);
  const std::string& name = found.session->person.name;
  const std::string session = "the session of " + name;
  switch (found.standing) {
    case Standing::Expired:
      return session + " has expired; sign in again";
    case Standing::SignedOut:
      return name + " has signed out; sign in again";
    case Standing::Revoked:
      return session + " has been revoked; sign in again if you may";
    case Standing::Stale:
      return unconfirmed(name, found.age);
    case Standing::Unknown:
    case Standing::Fresh:
    case Standing::Cached:
      break;
  }
  return session + " is " + std::string(to_string(found.standing));
}

Result<std::optional<Person>, SessionError> SessionTable::add(SignIn sign_in, Now now) {
  Session session{.person = std::move(sign_in.person),
                  .idp_session = std::move(sign_in.idp_session),
                  .token = std::move(sign_in.token),
                  .sealed = std::move(sign_in.sealed),
                  .share = sign_in.share,
                  .self_contained = sign_in.self_contained,
                  .issued_at = sign_in.issued_at,
                  .expires_at = sign_in.expires_at,
                  .ends_at = {},
                  .latest = {},
                  .checked_at = now,
                  .end = SessionEnd::None,
                  .ended_at = {}};
  session.person.valid_until = {};
  if (!is_plausible(session.issued_at) || !is_plausible(session.expires_at))
    return Unexpected{SessionError::Malformed};
  tidy(session.person.groups);
  // Clocks may differ: what was issued in the future was issued now.
  session.latest.wall = {std::min(session.issued_at, now.wall).since_epoch + times_.longest};
  session.latest.mono = now.mono + (session.latest.wall.since_epoch - now.wall.since_epoch);
  set_expiry(session, session.expires_at, now);
  if (session.expires_at <= now.wall) return Unexpected{SessionError::AlreadyOver};
  if (size_of(session) > limits::kSession) return Unexpected{SessionError::TooLarge};
  if (!fit(sign_in.binding, session)) return Unexpected{SessionError::Malformed};
  if (revoked(session)) return Unexpected{SessionError::Revoked};

  // The last one counts against the bounds until it is known that the new one has room with it
  // gone: a refused sign-in signs nobody out.
  std::optional<Person> before;
  auto last = sessions_.extract(sign_in.binding);
  if (!last.empty()) {
    discharge(last.mapped());
    if (stands(standing_of(last.mapped(), times_, now))) before = last.mapped().person;
  }
  auto full = no_room_for(session);
  while (full && forget_one_ended(full == SessionError::TooManyOfUser ? std::optional(session.share)
                                                                      : std::nullopt))
    full = no_room_for(session);
  if (full) {
    if (!last.empty()) {
      charge(last.mapped());
      sessions_.insert(std::move(last));
    }
    return Unexpected{*full};
  }
  charge(session);
  sessions_.emplace(sign_in.binding, std::move(session));
  changed(sign_in.binding);
  return before;
}

Found SessionTable::find(const Peer& peer, Place place, const BindingSettings& settings,
                         Now now) const {
  Found found;
  found.good_until = now.mono;
  for (const Binding& binding : bindings_of(peer, place, settings)) {
    const auto at = sessions_.find(binding);
    if (at == sessions_.end()) continue;
    const Session& session = at->second;
    found.standing = standing_of(session, times_, now);
    found.session = &session;
    found.binding = binding;
    found.person_class = session.person.person_class;
    if (found.person_class == PersonClass::Human && is_derived(peer))
      found.person_class = PersonClass::Derived;
    found.age = age_of(session, now);
    found.good_until = good_until(session, times_, now);
    return found;
  }
  if (const auto binding = binding_for_sign_in(peer, place, settings))
    found.binding = *binding;
  else
    found.fault = binding.error();
  return found;
}

Session* SessionTable::live(const Binding& binding, Now now) {
  const auto at = sessions_.find(binding);
  if (at == sessions_.end()) return nullptr;
  return stands(standing_of(at->second, times_, now)) ? &at->second : nullptr;
}

// That it is fresh again is a change where its answers have been given as cached, or refused.
bool SessionTable::confirm(const Binding& binding, Now now) {
  Session* const session = live(binding, now);
  if (session == nullptr) return false;
  const bool was_fresh = standing_of(*session, times_, now) == Standing::Fresh;
  session->checked_at = now;
  if (!was_fresh) changed(binding);
  return true;
}

bool SessionTable::set_groups(const Binding& binding, std::vector<std::string> groups, Now now) {
  Session* const session = live(binding, now);
  if (session == nullptr) return false;
  tidy(groups);
  if (groups == session->person.groups) return true;
  // A session whose groups cannot be kept is none: it would go on with the old ones.
  const std::size_t before = size_of(*session);
  std::swap(session->person.groups, groups);
  if (!is_well_formed(*session) || bytes_ - before + size_of(*session) > limits::kSessionsBytes) {
    std::swap(session->person.groups, groups);
    (void)end(binding, SessionEnd::GroupsUnusable, now);
    return false;
  }
  bytes_ = bytes_ - before + size_of(*session);
  changed(binding);
  return true;
}

bool SessionTable::renew(const Binding& binding, WallTime expires_at, std::string sealed, Now now) {
  Session* const session = live(binding, now);
  if (session == nullptr || expires_at <= now.wall || !is_plausible(expires_at)) return false;
  const std::size_t before = size_of(*session),
                    after = before - session->sealed.size() + sealed.size();
  if (after > limits::kSession || bytes_ - before + after > limits::kSessionsBytes) return false;
  (void)confirm(binding, now);
  bytes_ = bytes_ - before + after;
  session->sealed = std::move(sealed);
  set_expiry(*session, expires_at, now);
  return true;
}

bool SessionTable::end(const Binding& binding, SessionEnd why, Now now) {
  if (live(binding, now) == nullptr) return false;
  finish(*sessions_.find(binding), why, now);
  return true;
}

std::vector<Binding> SessionTable::revoke(Revocation revocation, SessionEnd why, Now now) {
  std::vector<Binding> ended;
  if (!is_well_formed(revocation)) return ended;
  for (auto& entry : sessions_) {
    if (entry.second.end != SessionEnd::None || !concerns(revocation, entry.second)) continue;
    finish(entry, why, now);
    ended.push_back(entry.first);
  }
  if (revocations_.size() == limits::kRevocations) revocations_.pop_front();
  revocations_.push_back(std::move(revocation));
  return ended;
}

void SessionTable::expire(Now now) {
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    const auto next = std::next(at);
    const Session& session = at->second;
    if (session.end == SessionEnd::None) {
      if (expiry_of(session, now) <= now.mono) finish(*at, SessionEnd::Expired, now);
    } else if (session.ended_at + times_.remember_ended <= now.mono) {
      forget(at);
    }
    at = next;
  }
  // Tokens of before live no longer than a session.
  while (!revocations_.empty() &&
         revocations_.front().at.since_epoch + 2 * times_.longest < now.wall.since_epoch)
    revocations_.pop_front();
}

std::optional<Monotonic> SessionTable::next_deadline(Now now) const {
  std::optional<Monotonic> next;
  for (const auto& [binding, session] : sessions_) {
    const Monotonic at = session.end == SessionEnd::None ? expiry_of(session, now)
                                                         : session.ended_at + times_.remember_ended;
    if (!next || at < *next) next = at;
  }
  return next;
}

std::optional<std::vector<Binding>> SessionTable::changes_since(std::uint64_t generation) const {
  if (generation > generation_ || generation_ - generation > changes_.size()) return std::nullopt;
  const auto behind = static_cast<std::ptrdiff_t>(generation_ - generation);
  std::vector<Binding> bindings(changes_.end() - behind, changes_.end());
  std::sort(bindings.begin(), bindings.end());
  bindings.erase(std::unique(bindings.begin(), bindings.end()), bindings.end());
  return bindings;
}

Result<void, SessionError> SessionTable::restore(const Binding& binding, Session session) {
  if (!fit(binding, session) || sessions_.contains(binding))
    return Unexpected{SessionError::Malformed};
  if (const auto full = no_room_for(session)) return Unexpected{*full};
  charge(session);
  sessions_.emplace(binding, std::move(session));
  return {};
}

bool SessionTable::restore(Revocation revocation) {
  if (!is_well_formed(revocation) || revocations_.size() == limits::kRevocations) return false;
  revocations_.push_back(std::move(revocation));
  return true;
}

void SessionTable::changed(const Binding& binding) {
  ++generation_;
  if (changes_.size() == limits::kSessionChanges) changes_.pop_front();
  changes_.push_back(binding);
}

// Its tokens are of no use any more: they go at once.
void SessionTable::finish(Sessions::value_type& entry, SessionEnd why, Now now) {
  Session& session = entry.second;
  bytes_ -= session.sealed.size();
  session.sealed.clear();
  session.end = why;
  session.ended_at = now.mono;
  changed(entry.first);
}

void SessionTable::forget(Sessions::iterator at) {
  discharge(at->second);
  sessions_.erase(at);
}

void SessionTable::charge(const Session& session) {
  bytes_ += size_of(session);
  ++shares_[session.share];
}

void SessionTable::discharge(const Session& session) {
  bytes_ -= size_of(session);
  const auto share = shares_.find(session.share);
  if (--share->second == 0) shares_.erase(share);
}

std::optional<SessionError> SessionTable::no_room_for(const Session& session) const {
  const auto share = shares_.find(session.share);
  if (share != shares_.end() && share->second >= limits::kSessionsOfUser)
    return SessionError::TooManyOfUser;
  if (sessions_.size() >= limits::kSessions || size_of(session) > limits::kSessionsBytes - bytes_)
    return SessionError::TooMany;
  return std::nullopt;
}

// The one that ended first; of that share, where one is given.
bool SessionTable::forget_one_ended(std::optional<std::uint32_t> share) {
  auto first = sessions_.end();
  for (auto at = sessions_.begin(); at != sessions_.end(); ++at)
    if (at->second.end != SessionEnd::None && (!share || at->second.share == *share) &&
        (first == sessions_.end() || at->second.ended_at < first->second.ended_at))
      first = at;
  if (first == sessions_.end()) return false;
  forget(first);
  return true;
}

bool SessionTable::revoked(const Session& session) const {
  return std::any_of(revocations_.begin(), revocations_.end(),
                     [&](const Revocation& revocation) { return concerns(revocation, session); });
}

}  // namespace veilwire::identity
