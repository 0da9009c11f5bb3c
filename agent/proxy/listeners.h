// The loopback listeners of both families that redirected connections arrive at. Made inside the
// service, because the kernel judges a socket by the cgroup it was created in; kept by the service
// manager, so that a restart refuses nobody.
#pragma once

#include "agent/host/unique_fd.h"

#include <cstdint>
#include <vector>

namespace veilwire::proxy {

struct Listener {
  host::UniqueFd fd;  // non-blocking
  bool v6 = false;
};

// Takes what the manager kept, makes what is missing, and hands new ones to the manager. Without
// IPv6 on this host there is one listener. Throws std::system_error.
std::vector<Listener> open_listeners(std::uint16_t port);

}  // namespace veilwire::proxy
