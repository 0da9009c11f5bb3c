// One sign-in as it is kept: who, for how long, when the IdP last stood by it, and why it ended.
//
// Times stand on both clocks. The wall clock is what an IdP's dates mean, and may be set back; the
// monotonic one cannot, and stands still while the machine sleeps. A session has expired when
// either says so. The monotonic clock goes on over a restart of ours and begins anew with a boot,
// as bindings do.
//
// Tested by tests/unit/identity/session_test.cpp.
#pragma once

#include "userspace/base/time.h"
#include "userspace/identity/person.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace veilwire::identity {

enum class SessionEnd : std::uint8_t {
  None,
  Expired,
  SignedOut,          // by the person, or with their login
  RevokedByIdp,       // a logout or security event, or introspection
  RevokedByOperator,  // on this host
  GroupsUnusable,     // the IdP gave new groups that cannot be kept, one of which may restrict
};

struct Session {
  Person person;            // Human, Service or Ci; groups in order, none twice; no valid_until
  std::string idp_session;  // sid; empty: the IdP names none
  std::string token;        // jti, or a digest where there is none; empty: revoked by it never
  std::string sealed;       // the tokens, sealed by the caller: never looked at here
  std::uint32_t share = 0;  // the uid whose share of the sessions it takes: of who asked for it
  // Nobody can be asked about it while it lasts (a job's token): it is fresh until it expires.
  bool self_contained = false;
  WallTime issued_at;  // of the first token, on the IdP's clock
  WallTime expires_at;
  Monotonic ends_at;  // the same moment on the other clock
  Now latest;         // refreshed tokens do not take it further
  Now checked_at;     // when the IdP last stood by it
  SessionEnd end = SessionEnd::None;
  Monotonic ended_at;  // where it has ended
};

struct SessionTimes {
  // After this long without the IdP's word, which is asked for every minute, the word is an old
  // one. Also how long an answer may be kept, so that it bounds how long a revocation goes unseen
  // where no change is told.
  std::chrono::seconds fresh_for{90};
  // How long an old word counts while the IdP cannot be reached.
  std::chrono::seconds cached_for{900};
  // Everybody signs in anew this long after the first token was issued, whatever tokens say. A
  // revocation is remembered for twice as long, so that no token comes in that outlived it.
  std::chrono::seconds longest{12 * 3600};
  // How long it can be told why a session is no more.
  std::chrono::seconds remember_ended{3600};
};

Standing standing_of(const Session& session, const SessionTimes& times, Now now);
// Since the IdP last stood by it, by the clock that says more.
std::chrono::nanoseconds age_of(const Session& session, Now now);
// When it expires, as long as neither clock is set.
Monotonic expiry_of(const Session& session, Now now);
// Until when the standing stays what it is, as long as nothing else happens, and how long at most
// it may be relied on; now, where it has ended.
Monotonic good_until(const Session& session, const SessionTimes& times, Now now);

// The same moment on the other clock, as long as nobody sets it.
inline WallTime wall_of(Monotonic at, Now now) { return {now.wall.since_epoch + (at - now.mono)}; }

// Year 2255, as for tokens: later ones come from a broken clock, and sums with them overflow.
inline constexpr WallTime kLatestTime{std::chrono::seconds(9'000'000'000)};
inline bool is_plausible(WallTime at) { return WallTime{} <= at && at <= kLatestTime; }

// Whether it can be kept: who it is about can be told and put on record.
bool is_well_formed(const Session& session);
// What it takes of limits::kSession: its bytes as they are written, or a little more.
std::size_t size_of(const Session& session);

}  // namespace veilwire::identity
