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
  // Only AF_UNIX sockets can be made from here on (seccomp); neither ptrace nor io_uring, which
  // would go around that.
  bool forbid_network = false;
  // Only for what needs root's own files. Otherwise root is refused: it can do without the rest.
  bool may_be_root = false;
  // No program can be started from here on (seccomp).
  bool forbid_exec = false;
};

// Also: no new privileges, no core dumps, not dumpable (so that nobody of the same uid reads our
// memory). Throws std::runtime_error that says what is left and what to do.
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
