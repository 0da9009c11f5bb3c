// Who has connected to a local socket, as the kernel's hooks would say it of a client: the user
// from the connection, login and cgroup from /proc under a pidfd, so that the process's number
// cannot have been given to another meanwhile. Tested by tests/unit/identity/local_peer_test.cpp.
#pragma once

#include "agent/host/local_socket.h"
#include "agent/identity/cgroups.h"
#include "userspace/base/result.h"
#include "userspace/base/time.h"
#include "userspace/identity/person.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::agent_identity {

struct LocalPeer {
  identity::Peer peer;
  std::vector<identity::Cgroup> place;
};

// fd: the accepted connection. The error is a clause for the person there.
Result<LocalPeer, std::string_view> local_peer(int fd, const host::Credentials& credentials,
                                               Cgroups& cgroups);

// The peer's uid as its container sees it, where that is another; for the record alone. Nothing
// where the process has ended, or its number belongs to another by now.
std::optional<std::uint32_t> inside_uid(const identity::Peer& peer);

}  // namespace veilwire::agent_identity
