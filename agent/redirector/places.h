// Where the kernel's file systems are mounted, and what a cgroup is called by the kernel. The mount
// table is read, never assumed: cgroup2 is at /sys/fs/cgroup, /sys/fs/cgroup/unified or elsewhere.
// Tested by tests/bpf/lifecycle_test.cpp and tests/unit/redirector/places_test.cpp.
#pragma once

#include "agent/host/unique_fd.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::redirector {

// First mount point of a file system of this type whose root is "/", in the text of a
// /proc/PID/mountinfo. Without one, that of the root of all cgroups as a cgroup namespace sees it:
// a container that was given the node's cgroups has no other.
std::optional<std::string> find_mount(std::string_view mountinfo, std::string_view type);

struct Cgroup {
  host::UniqueFd fd;  // the directory
  std::string path;   // absolute
  std::uint64_t id = 0;
  unsigned level = 0;  // 0 is the root
};
// name is a path below the cgroup2 mount, or an absolute one that begins with the mount point.
// Throws std::runtime_error.
Cgroup open_cgroup(const std::string& name);

// Nothing if there is no such cgroup, or none any more.
std::optional<Cgroup> open_cgroup_by_id(std::uint64_t id);

// Throws std::runtime_error unless /proc shows processes by the numbers that they have for us: one
// of another PID namespace would show strangers.
void check_proc();

// The cgroup of a process, as open_cgroup() takes it; nothing if it is gone.
std::optional<std::string> cgroup_of(int pid);

// Throws std::runtime_error unless the directory's nearest existing parent lies on a bpffs; creates
// what is missing, for root alone.
void prepare_pin_directory(const std::string& directory);

}  // namespace veilwire::redirector
