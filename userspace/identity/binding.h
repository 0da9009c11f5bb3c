// What a login is bound to, and under which logins a peer falls. The kernel says what a peer is;
// who that is has been said once, at a sign-in, for everything that carries the same marks.
//
// A binding holds within one boot: audit sessions are counted from 1 again after the next one, and
// cgroups numbered anew. So whoever keeps bindings keeps the boot id beside them, once for all, and
// takes none from another boot.
//
// The cases, each with a test in tests/unit/identity/binding_test.cpp:
//
// - A root shell by sudo: uid 0, the loginuid and audit session of who logged in. Derived: it falls
//   under that person's login, both are recorded, and policy may ask for a sign-in of its own.
// - `su` to another person: the same. Who logged in answers; a login of that other person elsewhere
//   on the host has another audit session and is never borrowed.
// - A daemon that calls setsid, forks twice or outlives its terminal keeps its audit session, and
//   so its login, until that ends: it is still that person's doing.
// - A service of a unit has neither: it falls under the unit's cgroup, with its uid. Children of
//   the unit's cgroup count as the unit. A restart makes another cgroup, and so another binding.
// - A container's process has the uid that its own root chose, as this host maps it (uid_map.h
//   says how it looks from the inside). Rootless, it carries the login of who started it, and is
//   derived; under a container service it falls under its container's cgroup.
// - A process that was moved to another cgroup: a login does not depend on cgroups. A service that
//   was moved out of its unit has left it. To move something in takes the right to write there,
//   and the uid must match still.
// - A peer with an audit session never falls under a unit: a person who gets into a service's
//   cgroup is that person.
// - A job of a build system falls under its cgroup and all below, whatever its uid: jobs run as
//   many. This comes first, because agents are started over SSH, with a login of their own, and the
//   job is the narrower fact. So that nobody becomes a job by going there, a job's binding holds
//   the audit session that the runner had, and a peer must have the same.
#pragma once

#include "userspace/base/result.h"
#include "userspace/identity/person.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::identity {

// /proc/sys/kernel/random/boot_id.
struct BootId {
  std::array<std::uint8_t, 16> bytes{};
  friend bool operator==(const BootId&, const BootId&) = default;
};
// nullopt: not a UUID in the kernel's spelling, with or without the line's end.
std::optional<BootId> parse_boot_id(std::string_view text);

// A cgroup of the unified hierarchy. Ids are never used again within a boot.
struct Cgroup {
  std::uint64_t id = 0;
  std::string name;  // the last part of its path, such as "session-3.scope"; empty: the root
};
// Where a peer is: its own cgroup, then the ones around it, the root last. One whose first id is
// not the peer's speaks of another time, and is not used.
using Place = std::span<const Cgroup>;

enum class BindingKind : std::uint8_t {
  Login,  // an audit session
  Unit,   // a cgroup and a uid, where nobody has logged in
  Job,    // a cgroup, of a build system's job
};

// Members that a kind does not use have the value that is given here.
struct Binding {
  BindingKind kind = BindingKind::Login;
  std::uint32_t uid = kUnsetAuditId;            // Login, Unit
  std::uint32_t loginuid = kUnsetAuditId;       // Login; Job: of the runner
  std::uint32_t audit_session = kUnsetAuditId;  // Login; Job: of the runner
  std::uint64_t cgroup_id = 0;                  // Unit, Job
  // clang-tidy 14 takes the defaulted operator for a literal 0.
  // NOLINTNEXTLINE(modernize-use-nullptr)
  friend auto operator<=>(const Binding&, const Binding&) = default;
};
// Whether it is as its kind wants it: one binding has one spelling.
bool is_well_formed(const Binding& binding);
// "login of user 1000 in audit session 5": for operators and for messages to the client.
std::string to_string(const Binding& binding);

// What a process that has become somebody else falls under.
enum class DerivedUse : std::uint8_t {
  OfLogin,   // the login that it came from
  Separate,  // a sign-in of its own, by the same person
  Refused,   // nothing
};

struct BindingSettings {
  DerivedUse derived = DerivedUse::OfLogin;
  // Accounts that runners of build systems log in as (Jenkins over SSH). Of processes with a login
  // only theirs may become jobs: a person with a job's token stays that person.
  std::vector<std::uint32_t> runner_uids;
  // Whether a job may be the whole of a service or of a login. Runners that start jobs as mere
  // children have all of them there, and each would be taken for the last that was attached.
  bool job_may_fill_unit = false;
};

enum class BindingFault : std::uint8_t {
  DerivedRefused,   // policy lets nobody act as somebody else
  CgroupTooWide,    // the root or a slice, which others share
  CgroupUnknown,    // no place is known for the peer
  LoginIsNoRunner,  // a job from a login that is not one of runner_uids
  JobSharesCgroup,  // a job in the cgroup of a service or a login
};
std::string_view to_string(BindingFault fault);  // a clause for a person

// Somebody has logged in: the kernel sets both marks or neither.
bool has_login(const Peer& peer);
// Has logged in and become another user since.
bool is_derived(const Peer& peer);

// What a sign-in by this peer is bound to. The account that its subject must own is that of
// accountable_uid() (local.h).
Result<Binding, BindingFault> binding_for_sign_in(const Peer& peer, Place place,
                                                  const BindingSettings& settings);
// What the token of a job is bound to that this peer hands over: its own cgroup.
Result<Binding, BindingFault> binding_for_job(const Peer& peer, Place place,
                                              const BindingSettings& settings);

// What the peer falls under, the first that is known counts: its job, from the inside out; then its
// login, or where it has none its unit, from the inside out. At most limits::kCgroupDepth cgroups
// are looked at from the inside, so that who goes deeper to hide falls under nothing.
std::vector<Binding> bindings_of(const Peer& peer, Place place, const BindingSettings& settings);

// Whether the peer may fall under the binding as far as can be told without its place: for caches
// that know no more, which ask again in vain at worst.
bool may_fall_under(const Peer& peer, const Binding& binding);

}  // namespace veilwire::identity
