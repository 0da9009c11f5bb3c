// AF_UNIX SOCK_SEQPACKET between our own programs: message boundaries kept, peer credentials from
// the kernel. Tested by tests/unit/host/local_socket_test.cpp.
#pragma once

#include "agent/host/unique_fd.h"
#include "userspace/base/result.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace veilwire::host {

// Largest message that any local protocol sends. A default socket buffer (net.core.wmem_default,
// 208 KiB) takes it.
inline constexpr std::size_t kLocalMessage = 128 * 1024;
// Descriptors that one message may carry; more is a flood of our descriptor table.
inline constexpr std::size_t kLocalDescriptors = 16;

// Of the process that called connect (SO_PEERCRED).
struct Credentials {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;
};

// Binds and listens, non-blocking. A stale socket file is replaced only if nobody listens on it.
// mode is of the socket file (connecting needs write permission). Throws std::system_error:
// start-up only.
UniqueFd listen_local(const std::string& path, mode_t mode);

// Errors are errno values.
struct Accepted {
  UniqueFd fd;  // non-blocking
  Credentials peer;
};
Result<Accepted, int> accept_local(int listener);
// blocking chooses the mode of the socket that results; the connect itself does not wait for an
// accept.
Result<UniqueFd, int> connect_local(const std::string& path, bool blocking);

// One message, whole or not at all. EAGAIN when a non-blocking socket is full. Never raises
// SIGPIPE.
Result<void, int> send_message(int fd, std::string_view bytes,
                               std::span<const int> descriptors = {});

struct Message {
  std::string bytes;  // empty with no descriptors: the peer has closed
  std::vector<UniqueFd> descriptors;
};
// EMSGSIZE for a message that is longer than kLocalMessage or carries too many descriptors: the
// peer is no friend.
Result<Message, int> receive_message(int fd);

// Waits until fd is readable. false: the time is over. For the command-line tools; daemons have an
// event loop.
bool wait_readable(int fd, int timeout_ms);

}  // namespace veilwire::host
