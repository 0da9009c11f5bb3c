// Who has signed in for what on this host: the sessions by binding, and the answer to who a peer
// is. Each has been verified before it comes here; the tokens stay sealed.
//
// find() depends on the time that it is given and on nothing that has to run in the meantime, so
// that no late timer lets anybody pass. What changes beside the passing of time (a sign-in, an end,
// other groups, the IdP's word after a silence) is in a log of changes: who keeps answers drops
// those that may_fall_under() the bindings in it, and so cuts what runs on them.
//
// For one thread. Tested by tests/unit/identity/session_table_test.cpp.
#pragma once

#include "userspace/base/limits.h"
#include "userspace/base/result.h"
#include "userspace/base/time.h"
#include "userspace/identity/binding.h"
#include "userspace/identity/local.h"
#include "userspace/identity/session.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace veilwire::identity {

// What a verified token proves, and for which binding.
struct SignIn {
  Binding binding;
  Person person;  // valid_until is not used
  std::string idp_session = {};
  std::string token = {};
  std::string sealed = {};
  std::uint32_t share = 0;
  bool self_contained = false;
  WallTime issued_at;
  WallTime expires_at;
};

enum class SessionError : std::uint8_t {
  Malformed,      // a binding or person that cannot be kept, or a job without Ci or the reverse
  TooLarge,       // over limits::kSession
  AlreadyOver,    // expired before it began
  Revoked,        // the IdP or an operator has revoked it since it was issued
  TooManyOfUser,  // over limits::kSessionsOfUser
  TooMany,        // over limits::kSessions or limits::kSessionsBytes
};
std::string_view to_string(SessionError error);  // a clause for a person

enum class RevocationKind : std::uint8_t { Subject, IdpSession, Token };

// Ends what has begun, and what comes later of the same: a token may be on its way while the IdP
// revokes it. A subject who signs in anew after it does so freely.
struct Revocation {
  RevocationKind kind = RevocationKind::Subject;
  std::string issuer;
  std::string what;  // sub, sid, or jti or digest
  WallTime at;       // on the IdP's clock, as issued_at is; ours where it comes from an operator
  friend bool operator==(const Revocation&, const Revocation&) = default;
};

struct Found {
  Standing standing = Standing::Unknown;
  const Session* session = nullptr;   // nullptr where Unknown; until the table changes
  Binding binding;                    // the session's; where Unknown, what a sign-in would get
  std::optional<BindingFault> fault;  // where Unknown: why a sign-in would get none
  PersonClass person_class = PersonClass::Service;  // Derived where the peer has become another
  std::chrono::nanoseconds age{0};                  // since the IdP last stood by it
  Monotonic good_until;  // how long the answer may be kept; now, where there is no good one
};

// As it is handed on and recorded. running_as: the account of the peer's uid, nullptr where it has
// none; it is named where the peer has become another. found has a session. confirmed_at is the
// asker's, from found.age.
Person person_of(const Found& found, const Peer& peer, const Account* running_as);
// Why there is none, and what to do: for the person at the client. found may not pass.
std::string reason(const Found& found);

class SessionTable {
 public:
  explicit SessionTable(SessionTimes times = {}) : times_(times) {}

  // Takes the place of the binding's last session. Gives whom that was, where it stood still.
  Result<std::optional<Person>, SessionError> add(SignIn sign_in, Now now);

  // What the peer falls under; its first binding that is known counts, ended or not: a job whose
  // token has expired does not become its runner's login for it.
  Found find(const Peer& peer, Place place, const BindingSettings& settings, Now now) const;

  // Each gives false, and does nothing, where the binding has no session that has not ended.
  bool confirm(const Binding& binding, Now now);  // the IdP stands by it
  // Groups that cannot be kept end the session, as SessionEnd::GroupsUnusable: false.
  bool set_groups(const Binding& binding, std::vector<std::string> groups, Now now);
  // The tokens were refreshed, which is the IdP's word too. false also where they are too large or
  // of no use any more.
  bool renew(const Binding& binding, WallTime expires_at, std::string sealed, Now now);
  bool end(const Binding& binding, SessionEnd why, Now now);
  // Gives the bindings whose sessions it ended. One without an issuer or a name, or not printable,
  // ends nothing and is not remembered.
  std::vector<Binding> revoke(Revocation revocation, SessionEnd why, Now now);

  // Notes who has expired, and forgets what ended long ago.
  void expire(Now now);
  // When expire() has something to do; nullopt: never, as it stands.
  std::optional<Monotonic> next_deadline(Now now) const;

  // Grows with each change, from 0. Belongs to this table in this process alone.
  std::uint64_t generation() const { return generation_; }
  // The bindings that have changed behind the generation, each once. nullopt: that is too long ago
  // to tell, or not ours; everything may have.
  std::optional<std::vector<Binding>> changes_since(std::uint64_t generation) const;

  // All, ended ones too, in the order of their bindings: for operators.
  const std::map<Binding, Session>& sessions() const { return sessions_; }
  const std::deque<Revocation>& revocations() const { return revocations_; }
  const SessionTimes& times() const { return times_; }

  // For reading what was written (session_bytes.h), into an empty table: the same bounds and forms
  // as for a sign-in, no change, nothing judged by the time.
  Result<void, SessionError> restore(const Binding& binding, Session session);
  bool restore(Revocation revocation);  // false: malformed, or one too many

 private:
  using Sessions = std::map<Binding, Session>;
  Session* live(const Binding& binding, Now now);
  void changed(const Binding& binding);
  void finish(Sessions::value_type& entry, SessionEnd why, Now now);
  void forget(Sessions::iterator at);
  void charge(const Session& session);
  void discharge(const Session& session);
  std::optional<SessionError> no_room_for(const Session& session) const;
  bool forget_one_ended(std::optional<std::uint32_t> share);
  bool revoked(const Session& session) const;

  SessionTimes times_;
  Sessions sessions_;
  std::map<std::uint32_t, std::size_t> shares_;  // none is 0
  std::size_t bytes_ = 0;
  std::deque<Revocation> revocations_;  // the oldest first
  std::deque<Binding> changes_;         // the last ones, up to generation_
  std::uint64_t generation_ = 0;
};

}  // namespace veilwire::identity
