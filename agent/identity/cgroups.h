// Where a peer's cgroup lies. The kernel gives its id, which is the number of its folder's inode on
// the cgroup2 mount; the path to there says which unit, slice or job is around it. A handle of the
// id (open_by_handle_at) would be shorter and takes a capability that this program has not.
//
// Ids are never used again within a boot and a cgroup keeps the ones around it, so that what was
// found once stays right, also behind the cgroup's end. Tested by
// tests/unit/identity/cgroups_test.cpp.
#pragma once

#include "userspace/base/time.h"
#include "userspace/identity/binding.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace veilwire::agent_identity {

// Where cgroup2 is mounted; nothing: it is not.
std::optional<std::string> cgroup2_mount(const std::string& mountinfo = "/proc/self/mountinfo");
// The path below that mount of "0::/..." in /proc/PID/cgroup; nothing: none, or outside of our
// root.
std::optional<std::string> cgroup2_path(std::string_view proc_cgroup);

class Cgroups {
 public:
  // mount: of cgroup2, or another folder for tests. proc: "/proc".
  explicit Cgroups(std::string mount, std::string proc = "/proc");

  // The cgroup, then those around it, the root last; empty: it is gone, or not below the mount.
  // process: one that is probably in it, 0 where none is known.
  std::vector<identity::Cgroup> place_of(std::uint64_t id, pid_t process, Monotonic now);
  // That of a path below the mount.
  std::vector<identity::Cgroup> place_at(const std::string& path) const;

 private:
  struct Known {
    std::uint64_t around = 0;  // 0: the root
    std::string name;
  };
  std::vector<identity::Cgroup> known_place(std::uint64_t id) const;
  void learn(const std::vector<identity::Cgroup>& place);
  void walk();

  std::string mount_, proc_;
  std::map<std::uint64_t, Known> known_;
  std::optional<Monotonic> next_walk_;
};

}  // namespace veilwire::agent_identity
