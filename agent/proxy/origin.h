// What the kernel side says of an accepted socket: where its client wanted to go, and who the
// client is.
#pragma once

#include "userspace/base/result.h"
#include "userspace/flow/connection.h"
#include "userspace/identity/person.h"

#include <cstdint>
#include <string>

namespace veilwire::proxy {

struct Origin {
  flow::Destination destination;
  identity::Peer peer;
  std::uint32_t bound_ifindex = 0;  // the client's SO_BINDTODEVICE: the upstream socket follows it
};

// ENOENT: nobody was redirected here. ENOPROTOOPT: the kernel side is not attached to our cgroup.
// Others: errno.
Result<Origin, int> read_origin(int accepted);

}  // namespace veilwire::proxy
