// What the service manager is told and gives us (sd_notify(3), sd_listen_fds(3)), without linking
// libsystemd.
#pragma once

#include "agent/host/unique_fd.h"

#include <string>
#include <string_view>
#include <vector>

namespace veilwire::host {

// "READY=1", "STATUS=...", "STOPPING=1". Nothing happens outside a service manager.
void notify(std::string_view state);

// Hands descriptors to the manager's store under a name, so that they outlive a restart of this
// process.
void store_descriptors(std::string_view name, const std::vector<int>& descriptors);

struct Inherited {
  std::string name;
  UniqueFd fd;
};
// Takes the descriptors that the manager passed at start; a second call returns none.
std::vector<Inherited> take_inherited();

}  // namespace veilwire::host
