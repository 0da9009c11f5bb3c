// A connect by io_uring, in the three ways in which the kernel may carry it out. By bare system
// calls: one request needs no library.
#pragma once

#include <sys/socket.h>

namespace veilwire::tests {

enum class RingMode {
  Inline,  // in the submitting call
  Worker,  // in a worker thread of the kernel's (IOSQE_ASYNC)
  Polled,  // in the thread that polls the queue (IORING_SETUP_SQPOLL)
};

// 0 or errno.
int ring_connect(int fd, const sockaddr_storage& destination, RingMode mode);

}  // namespace veilwire::tests
