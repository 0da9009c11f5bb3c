// Who is behind a connection: the peer as the kernel saw it, the person as an identity source knows
// them. Tested by tests/unit/identity.
#pragma once

#include "userspace/base/time.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::identity {

// The value of loginuid and audit_session where nobody has logged in (the kernel's
// AUDIT_UID_UNSET).
inline constexpr std::uint32_t kUnsetAuditId = UINT32_MAX;

// Taken by the kernel inside the connect hook, so no /proc race can change it.
struct Peer {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t loginuid = kUnsetAuditId;
  std::uint32_t audit_session = kUnsetAuditId;
  std::uint32_t tgid = 0;  // in the agent's own PID namespace; 0: outside of it
  std::uint64_t start_boottime_ns = 0;
  std::uint64_t cgroup_id = 0;
  std::uint64_t netns_cookie = 0;
  std::uint32_t exe_device = 0;
  std::uint64_t exe_inode = 0;
  std::uint32_t exe_generation = 0;
  std::string comm;  // set by the process itself: for display, never for a decision
  // In the initial PID namespace, where the agent is in another one: for the record. 0: the same.
  std::uint32_t kernel_tgid = 0;
};

enum class PersonClass : std::uint8_t {
  Human,    // logged in, and still themselves
  Derived,  // logged in, then became another user (su, sudo)
  Service,  // nobody has logged in
  Ci,       // a job of a build system
};

// How good the word is that somebody has signed in: until Stale the session stands, and the word
// grows old; then it has ended.
enum class Standing : std::uint8_t {
  Fresh,
  Cached,  // the IdP has not answered for a while: good, and recorded as such
  Stale,   // for longer than that: policy decides, and without one it is no session
  Expired,
  SignedOut,
  Revoked,
  Unknown,  // there is none
};
std::string_view to_string(Standing standing);  // a word for records
inline bool stands(Standing standing) { return standing <= Standing::Stale; }

struct Person {
  std::string issuer;   // "local" for the operating system's users
  std::string subject;  // unique within the issuer
  std::string name;     // for display
  std::vector<std::string> groups;
  PersonClass person_class = PersonClass::Human;
  std::string method;  // how it was established: local, pkce, device, ci, machine, saml
  Monotonic valid_until;

  Standing standing = Standing::Fresh;  // one that stands()
  Monotonic confirmed_at = {};          // when the word on them came

  // What an answer about a peer says besides, for the record and never for a decision.
  std::string running_as = {};                   // Derived: the account that they have become
  std::optional<std::uint32_t> inside_uid = {};  // the peer's uid as its container sees it
};

std::string_view to_string(PersonClass c);
// "alice", or "alice as root".
inline std::string display_name(const Person& person) {
  return person.running_as.empty() ? person.name : person.name + " as " + person.running_as;
}

// Why somebody does not pass who is Stale, by the age of the word on them: for the person.
std::string unconfirmed(std::string_view name, std::chrono::nanoseconds age);

}  // namespace veilwire::identity
