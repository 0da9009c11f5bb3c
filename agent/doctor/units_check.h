// The sandbox of each program as systemd has it, compared with the unit that was shipped: a drop-in
// that somebody wrote to get a debugger to work takes away what everything else relies on. Tested
// by tests/unit/doctor/units_check_test.cpp.
#pragma once

#include "agent/doctor/finding.h"

#include <map>
#include <string>
#include <vector>

namespace veilwire::doctor {

using UnitProperties = std::map<std::string, std::string>;

struct UnitFacts {
  std::string name;          // "veilwire-proxy.service"
  std::string shipped;       // the text of the unit's own file
  UnitProperties effective;  // `systemctl show`
};
struct UnitsFacts {
  bool systemd = false;          // the host is run by it
  std::string problem;           // why it does not answer; "": it does
  std::vector<UnitFacts> units;  // those that are loaded
};

// What systemctl is asked for besides the sandbox: how it came to be, and whether it runs.
inline constexpr const char* kUnitState[] = {"LoadState",    "ActiveState", "UnitFileState",
                                             "FragmentPath", "DropInPaths", "NRestarts"};
// Of the sandbox those whose value is a word that can be compared.
inline constexpr const char* kUnitSandbox[] = {"User",
                                               "NoNewPrivileges",
                                               "ProtectSystem",
                                               "ProtectHome",
                                               "PrivateTmp",
                                               "PrivateDevices",
                                               "PrivateNetwork",
                                               "ProtectKernelModules",
                                               "ProtectKernelLogs",
                                               "ProtectControlGroups",
                                               "ProtectClock",
                                               "ProtectHostname",
                                               "RestrictRealtime",
                                               "RestrictSUIDSGID",
                                               "LockPersonality",
                                               "MemoryDenyWriteExecute",
                                               "ProtectProc",
                                               "ProcSubset",
                                               "KeyringMode",
                                               "CapabilityBoundingSet",
                                               "AmbientCapabilities"};

// The last value that a unit's text gives each key; an empty value takes back what came before.
UnitProperties read_unit(const std::string& text);

Findings check_units(const UnitsFacts& facts);

}  // namespace veilwire::doctor
