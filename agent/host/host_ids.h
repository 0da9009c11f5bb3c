// Which machine and which boot a record is of, spelled as in sd-id128(3): 32 lower-case hex digits,
// no dashes. Tested by tests/unit/host/host_ids_test.cpp.
#pragma once

#include <string>

namespace veilwire::host {

struct HostIds {
  std::string machine;  // "" on a host without a machine-id(5)
  std::string boot;
  std::string boot_uuid() const;  // as the kernel spells it, with dashes
};

// The kernel's boot id lies in a part of /proc that a sandboxed unit does not see (ProcSubset=pid):
// its unit passes it as VEILWIRE_BOOT_ID. Throws std::runtime_error when it is not known at all.
// root: "" but for tests.
HostIds read_host_ids(const std::string& root = "");

}  // namespace veilwire::host
