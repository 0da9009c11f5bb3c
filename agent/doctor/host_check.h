// What else on this host matters: engines whose containers are not intercepted, and the security
// module that may forbid what units allow. Tested by tests/unit/doctor/host_check_test.cpp.
#pragma once

#include "agent/doctor/finding.h"

#include <string>
#include <vector>

namespace veilwire::doctor {

struct HostFacts {
  std::vector<std::string> container_engines;  // paths of programs or sockets
  // Of AppArmor, those loaded for our programs: "veilwire-proxy (enforce)".
  std::vector<std::string> profiles;
  bool profiles_seen = false;
  bool apparmor = false;  // the kernel has it switched on
  // "enforcing", "permissive"; "": none.
  std::string selinux;
  std::string lockdown;  // "none", "integrity", "confidentiality"; "": not known
};

Findings check_host(const HostFacts& facts);

}  // namespace veilwire::doctor
