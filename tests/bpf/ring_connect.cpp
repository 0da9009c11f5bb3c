#include "tests/bpf/ring_connect.h"

#include "agent/host/unique_fd.h"
#include "tests/bpf/arena.h"

#include <cerrno>
#include <cstdint>
#include <cstring>

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace veilwire::tests {
namespace {

class Mapping {
 public:
  Mapping(int fd, std::size_t size, off_t offset)
      : size_(size),
        data_(
            ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset)) {}
  ~Mapping() {
    if (good()) ::munmap(data_, size_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  bool good() const { return data_ != MAP_FAILED; }
  template <class T>
  T* at(std::size_t offset) const {
    return reinterpret_cast<T*>(static_cast<char*>(data_) + offset);
  }

 private:
  std::size_t size_;
  void* data_;
};

int enter(int ring, unsigned submit, unsigned wait, unsigned flags) {
  return static_cast<int>(::syscall(SYS_io_uring_enter, ring, submit, wait, flags, nullptr, 0));
}

}  // namespace

int ring_connect(int fd, const sockaddr_storage& destination, RingMode mode) {
  io_uring_params parameters{};
  if (mode == RingMode::Polled) {
    parameters.flags = IORING_SETUP_SQPOLL;
    parameters.sq_thread_idle = 1000;
  }
  const host::UniqueFd ring(static_cast<int>(::syscall(SYS_io_uring_setup, 2, &parameters)));
  if (!ring) return errno;
  const std::size_t submissions =
      parameters.sq_off.array + parameters.sq_entries * sizeof(std::uint32_t);
  const std::size_t completions =
      parameters.cq_off.cqes + parameters.cq_entries * sizeof(io_uring_cqe);
  const Mapping sq(ring.get(), submissions, IORING_OFF_SQ_RING);
  const Mapping cq(ring.get(), completions, IORING_OFF_CQ_RING);
  const Mapping entries(ring.get(), parameters.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES);
  if (!sq.good() || !cq.good() || !entries.good()) return ENOMEM;

  auto* entry = entries.at<io_uring_sqe>(0);
  std::memset(entry, 0, sizeof(*entry));
  entry->opcode = IORING_OP_CONNECT;
  entry->fd = fd;
  entry->addr = reinterpret_cast<std::uint64_t>(&destination);
  entry->off = size_of(destination);
  if (mode == RingMode::Worker) entry->flags = IOSQE_ASYNC;
  *sq.at<std::uint32_t>(parameters.sq_off.array) = 0;
  __atomic_store_n(sq.at<std::uint32_t>(parameters.sq_off.tail), 1, __ATOMIC_RELEASE);

  const unsigned flags =
      IORING_ENTER_GETEVENTS | (mode == RingMode::Polled ? IORING_ENTER_SQ_WAKEUP : 0U);
  while (enter(ring.get(), 1, 1, flags) < 0)
    if (errno != EINTR) return errno;
  const std::uint32_t head = *cq.at<std::uint32_t>(parameters.cq_off.head);
  if (__atomic_load_n(cq.at<std::uint32_t>(parameters.cq_off.tail), __ATOMIC_ACQUIRE) == head)
    return ETIME;
  return -cq.at<io_uring_cqe>(parameters.cq_off.cqes)[0].res;
}

}  // namespace veilwire::tests
