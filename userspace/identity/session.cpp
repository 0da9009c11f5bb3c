#include "userspace/identity/session.h"

#include "userspace/base/limits.h"
#include "userspace/identity/printable.h"

#include <algorithm>
#include <functional>

namespace veilwire::identity {
namespace {

using std::chrono::nanoseconds;

bool is_name(std::string_view text) { return printable(text) && text.size() <= limits::kTokenText; }
bool is_name_or_none(std::string_view text) { return text.empty() || is_name(text); }

}  // namespace

// A check in the future of the monotonic clock is no check that we made.
nanoseconds age_of(const Session& session, Now now) {
  if (now.mono < session.checked_at.mono) return nanoseconds::max();
  return std::max(now.mono - session.checked_at.mono,
                  now.wall.since_epoch - session.checked_at.wall.since_epoch);
}

Monotonic expiry_of(const Session& session, Now now) {
  return std::min(session.ends_at,
                  now.mono + (session.expires_at.since_epoch - now.wall.since_epoch));
}

Standing standing_of(const Session& session, const SessionTimes& times, Now now) {
  switch (session.end) {
    case SessionEnd::None:
      break;
    case SessionEnd::Expired:
      return Standing::Expired;
    case SessionEnd::SignedOut:
      return Standing::SignedOut;
    case SessionEnd::RevokedByIdp:
    case SessionEnd::RevokedByOperator:
    case SessionEnd::GroupsUnusable:
      return Standing::Revoked;
  }
  if (expiry_of(session, now) <= now.mono) return Standing::Expired;
  if (session.self_contained) return Standing::Fresh;
  const nanoseconds age = age_of(session, now);
  if (age < times.fresh_for) return Standing::Fresh;
  return age < times.cached_for ? Standing::Cached : Standing::Stale;
}

Monotonic good_until(const Session& session, const SessionTimes& times, Now now) {
  const Standing standing = standing_of(session, times, now);
  if (!stands(standing)) return now.mono;
  const Monotonic at_most = std::min(expiry_of(session, now), now.mono + times.fresh_for);
  if (session.self_contained || standing == Standing::Stale) return at_most;
  const nanoseconds lasts = standing == Standing::Fresh ? times.fresh_for : times.cached_for;
  return std::min(at_most, now.mono + (lasts - age_of(session, now)));
}

bool is_well_formed(const Session& session) {
  const Person& person = session.person;
  const auto& groups = person.groups;
  if (!is_name(person.issuer) || !is_name(person.subject) || !is_name(person.name) ||
      !is_name(person.method) || person.person_class == PersonClass::Derived)
    return false;
  if (groups.size() > limits::kTokenGroups || !std::all_of(groups.begin(), groups.end(), is_name) ||
      std::adjacent_find(groups.begin(), groups.end(), std::greater_equal<>()) != groups.end())
    return false;
  // What has ended holds no tokens any more, and only it has a time of its end.
  if (session.end == SessionEnd::None ? session.ended_at != Monotonic{} : !session.sealed.empty())
    return false;
  return is_plausible(session.issued_at) && is_name_or_none(session.idp_session) &&
         is_name_or_none(session.token) && size_of(session) <= limits::kSession;
}

std::size_t size_of(const Session& session) {
  constexpr std::size_t kFixedParts = 160, kLength = 4;
  const Person& person = session.person;
  std::size_t size = kFixedParts + person.issuer.size() + person.subject.size() +
                     person.name.size() + person.method.size() + session.idp_session.size() +
                     session.token.size() + session.sealed.size();
  for (const std::string& group : person.groups) size += kLength + group.size();
  return size;
}

}  // namespace veilwire::identity
