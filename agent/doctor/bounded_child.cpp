#include "agent/doctor/bounded_child.h"

#include "agent/host/unique_fd.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::doctor {
namespace {

using Clock = std::chrono::steady_clock;

// Frames: what kind, how long, the bytes.
enum class Kind : std::uint32_t { Told, Result };
struct Head {
  Kind kind;
  std::uint32_t size;
};

void write_frame(int fd, Kind kind, std::string_view bytes) {
  const Head head{kind, static_cast<std::uint32_t>(bytes.size())};
  std::string frame(sizeof head, '\0');
  std::memcpy(frame.data(), &head, sizeof head);
  frame += bytes;
  for (std::string_view rest = frame; !rest.empty();) {
    const ssize_t n = ::write(fd, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
}

[[noreturn]] void run(const BoundedWork& work, int out) {
  if (work.as && ::geteuid() == 0 &&
      (::setgroups(0, nullptr) != 0 || ::setresgid(*work.as, *work.as, *work.as) != 0 ||
       ::setresuid(*work.as, *work.as, *work.as) != 0))
    ::_exit(1);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);  // a change of user clears it
  try {
    const std::string result =
        work.work([out](const std::string& what) { write_frame(out, Kind::Told, what); });
    write_frame(out, Kind::Result, result);
  } catch (...) {
    ::_exit(1);
  }
  ::_exit(0);
}

void take_frames(std::string& bytes, BoundedResult& result) {
  Head head{};
  while (bytes.size() >= sizeof head) {
    std::memcpy(&head, bytes.data(), sizeof head);
    if (bytes.size() - sizeof head < head.size) return;
    std::string text = bytes.substr(sizeof head, head.size);
    bytes.erase(0, sizeof head + head.size);
    if (head.kind == Kind::Told)
      result.last_told = std::move(text);
    else
      result.bytes = std::move(text);
  }
}

int left_until(Clock::time_point end) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
  return static_cast<int>(std::clamp<decltype(left)>(left, 0, INT_MAX));
}

}  // namespace

BoundedResult in_bounded_child(const BoundedWork& work) {
  const auto end = Clock::now() + work.patience;
  BoundedResult result;
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return result;
  const host::UniqueFd in(ends[0]);
  host::UniqueFd out(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return result;
  if (pid == 0) run(work, out.get());
  out.reset();
  std::string bytes;
  std::array<char, 16384> piece{};
  while (!result.bytes) {
    pollfd polled{in.get(), POLLIN, 0};
    const int ready = ::poll(&polled, 1, left_until(end));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) break;
    const ssize_t n = ::read(in.get(), piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    bytes.append(piece.data(), static_cast<std::size_t>(n));
    take_frames(bytes, result);
  }
  ::kill(pid, SIGKILL);
  // One that sleeps in the kernel does not hear it: it is left to init, and nobody waits.
  for (const auto until = Clock::now() + std::chrono::seconds(1); Clock::now() < until;) {
    if (::waitpid(pid, nullptr, WNOHANG) != 0) break;
    ::poll(nullptr, 0, 5);
  }
  return result;
}

}  // namespace veilwire::doctor
