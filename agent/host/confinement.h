// Drops what a program does not need and proves that it is gone. Each program calls confine() once,
// before it reads a byte from anybody, and does not run when it throws. Tested by
// tests/unit/host/confinement_test.cpp, which also plants what is to be refused.
#pragma once

#include <string>
#include <vector>

namespace veilwire::host {

struct Confinement {
  // A user's name or "uid:gid" in numbers; "" stays who we are. Supplementary groups are dropped.
  std::string user;
  // Capabilities (CAP_* numbers) that stay, permitted and effective; everything else leaves, the
  // bounding set included.
  std::vector<int> keep_capabilities;
  // Only AF_UNIX sockets can be made from here on.
  bool forbid_network = false;
  // Only for what needs root's own files. Otherwise root is refused: it can do without the rest.
  bool may_be_root = false;
  // It is there to start programs of others. They would have our filter of system calls, which no
  // drop-in of the unit could widen, so that there is none but the unit's.
  bool starts_programs = false;
};

// Also: no new privileges, no core dumps, not dumpable (so that nobody of the same uid reads our
// memory), and none of the system calls that we never make behind our start (seccomp): another
// program, other processes' memory, mounts, keyrings, io_uring, BPF and the kernel's own. Throws
// std::runtime_error that says what is left and what to do.
void confine(const Confinement& confinement);

// No page of this process is written to swap from here on. false: the limit does not allow it, and
// only a unit can raise it (LimitMEMLOCK=infinity), or root that may. Before confine(). Throws
// std::runtime_error.
bool lock_memory();

// The check alone: throws when this process can do more than `confinement` says.
void verify_confined(const Confinement& confinement);

struct UserId {
  unsigned uid = 0;
  unsigned gid = 0;
};
// "name" or "uid:gid"; throws std::runtime_error when there is no such user.
UserId resolve_user(const std::string& user);

}  // namespace veilwire::host
