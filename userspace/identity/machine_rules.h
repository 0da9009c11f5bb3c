// Which processes a machine identity stands for: those of services that the configuration names.
// Every answer about a process is judged by these rules anew, so that a session which another has
// left behind gives nobody anything.
//
// What a process is taken by, and why nobody else can have it:
//
// - Nobody has logged in for it: neither mark of a login is set. The kernel hands them on to
//   whatever a login starts, also through su, sudo, setsid and cron, and takes them back for nobody
//   without CAP_AUDIT_CONTROL. So a person's process is never a machine's, wherever it runs.
// - It runs in a unit of the system's service manager: the outermost cgroup that is no slice, whose
//   name that manager alone gives. A unit that somebody's own manager, a container or a delegated
//   cgroup calls the same lies inside of another one, and is not looked at. To move a process into
//   another unit takes the right to write there, which is root's.
// - Where the rule names users, it runs as one of them. A user alone is never enough: who starts a
//   container chooses the ids in it.
//
// Tested by tests/unit/identity/machine_rules_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/identity/binding.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::identity {

struct MachineRule {
  std::string name;  // how it is shown and recorded, and what its sessions are told apart by
  // "import.service", "worker@.service" for each instance of a template, or with a slash in front
  // the path of a cgroup below the root, for hosts without such units; and what is inside of them.
  std::vector<std::string> units;
  std::vector<std::uint32_t> users = {};  // empty: whoever runs there
  std::vector<std::string> groups = {};   // empty: those that the IdP names
};

// Why rules are none.
enum class MachineFault : std::uint8_t {
  NoName,    // or not printable
  SameName,  // as another's
  NoUnit,
  BadUnit,  // neither the name of a service or scope nor a path, or one that holds others' units
  BadGroup,
};
std::string_view to_string(MachineFault fault);  // a clause for a person

struct MachineError {
  MachineFault fault{};
  std::size_t rule = 0;  // index
};
Result<void, MachineError> check_machine_rules(const std::vector<MachineRule>& rules);

// The first rule that stands for the peer; nullptr: none does.
const MachineRule* machine_of(const Peer& peer, Place place, const std::vector<MachineRule>& rules);

// How a machine has signed in, as it stands in a Person.
inline constexpr std::string_view kMachineMethod = "machine";

}  // namespace veilwire::identity
