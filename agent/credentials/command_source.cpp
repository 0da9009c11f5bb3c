#include "agent/credentials/command_source.h"

#include "agent/credentials/secret_file.h"
#include "agent/host/trusted_file.h"
#include "agent/host/unique_fd.h"
#include "userspace/base/limits.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstddef>
#include <optional>
#include <system_error>

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::credentials {
namespace {

using Clock = std::chrono::steady_clock;

#if defined(__x86_64__)
constexpr unsigned kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr unsigned kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "name the architecture of its system calls"
#endif

std::string system_message(int error) { return std::generic_category().message(error); }

// Refuses setsid and setpgid, and every call of another architecture or table (x32), which would
// be numbered otherwise.
bool stay_in_group() {
  constexpr unsigned kX32 = 0x40000000;
  const auto load = [](unsigned at) -> sock_filter {
    return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at);
  };
  const auto unless = [](unsigned what, unsigned value, unsigned char skip) -> sock_filter {
    return BPF_JUMP(static_cast<unsigned short>(BPF_JMP | what | BPF_K), value, 0, skip);
  };
  const auto give = [](unsigned action) -> sock_filter {
    return BPF_STMT(BPF_RET | BPF_K, action);
  };
  const sock_filter refuse = give(SECCOMP_RET_ERRNO | EPERM);
  std::array<sock_filter, 11> program = {
      load(offsetof(seccomp_data, arch)),
      unless(BPF_JEQ, kArchitecture, 7),  // refused
      load(offsetof(seccomp_data, nr)),
      unless(BPF_JEQ, __NR_setsid, 1),
      refuse,
      unless(BPF_JEQ, __NR_setpgid, 1),
      refuse,
      unless(BPF_JGE, kX32, 2),
      refuse,
      refuse,
      give(SECCOMP_RET_ALLOW),
  };
  const sock_fprog loaded{static_cast<unsigned short>(program.size()), program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &loaded, 0, 0) == 0;
}

constexpr int kNotStarted = 127;

// In the child of a process with threads: nothing but system calls.
[[noreturn]] void become(char* const* arguments, int output, int nothing) {
  static constexpr const char* kEnvironment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
                                                 nullptr};
  sigset_t none;
  sigemptyset(&none);
  const bool ready = ::setpgid(0, 0) == 0 && ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 &&
                     ::dup2(nothing, STDIN_FILENO) >= 0 && ::dup2(output, STDOUT_FILENO) >= 0 &&
                     ::dup2(nothing, STDERR_FILENO) >= 0 &&
                     ::close_range(STDERR_FILENO + 1, UINT_MAX, 0) == 0 && ::chdir("/") == 0 &&
                     ::sigprocmask(SIG_SETMASK, &none, nullptr) == 0 && stay_in_group();
  if (ready) ::execve(arguments[0], arguments, const_cast<char* const*>(kEnvironment));
  ::_exit(kNotStarted);
}

int left_until(Clock::time_point end) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
  return static_cast<int>(std::clamp<decltype(left)>(left, 0, INT_MAX));
}

// The started program; with it goes its group.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid), fd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {
    ::setpgid(pid, pid);  // whoever of both comes first; too late behind its execve
  }
  ~Child() { end(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int descriptor() const { return fd_.get(); }  // readable when it has ended
  // Kills what is left, before the number of the group can be another's.
  int end() {
    if (pid_ <= 0) return status_;
    ::kill(-pid_, SIGKILL);
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, &status_, 0) < 0 && errno == EINTR) continue;
    pid_ = -1;
    return status_;
  }

 private:
  pid_t pid_;
  int status_ = 0;
  host::UniqueFd fd_;
};

// What can be read now; false: nothing more will come.
bool read_some(int fd, std::string& bytes, std::size_t& size) {
  while (size < bytes.size()) {
    const ssize_t n = ::read(fd, bytes.data() + size, bytes.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN;
    if (n == 0) return false;
    size += static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace

Result<Fetched, std::string> CommandSource::fetch() const {
  const auto end = Clock::now() + patience_;
  if (const auto why = host::distrust(command_.front()))
    return Unexpected<std::string>{"its command: " + *why};
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return Unexpected<std::string>{"its command: " + system_message(errno)};
  const host::UniqueFd read_end(ends[0]);
  host::UniqueFd write_end(ends[1]);
  const host::UniqueFd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!nothing || ::fcntl(read_end.get(), F_SETFL, O_NONBLOCK) != 0)
    return Unexpected<std::string>{"its command: " + system_message(errno)};
  std::vector<char*> arguments;
  for (const std::string& word : command_)
    arguments.push_back(const_cast<char*>(word.c_str()));  // execve writes none
  arguments.push_back(nullptr);

  const pid_t pid = ::fork();
  if (pid < 0) return Unexpected<std::string>{"its command: " + system_message(errno)};
  if (pid == 0) become(arguments.data(), write_end.get(), nothing.get());
  Child child(pid);
  write_end.reset();

  std::string bytes(limits::kCredential + 3, '\0');
  std::size_t size = 0;
  bool open = true, ended = false, late = false;
  while (!ended && !late && size < bytes.size()) {
    std::array<pollfd, 2> polled = {
        {{open ? read_end.get() : -1, POLLIN, 0}, {child.descriptor(), POLLIN, 0}}};
    const int ready = ::poll(polled.data(), polled.size(), left_until(end));
    if (ready < 0 && errno != EINTR) break;
    late = ready == 0;
    // In this order: what it wrote before its end is there when that is seen.
    ended = polled[1].revents != 0;
    if (open) open = read_some(read_end.get(), bytes, size);
  }
  const int status = child.end();
  const bool long_winded = size == bytes.size();
  bytes.resize(size);
  Secret text(std::move(bytes));
  if (late) return Unexpected<std::string>{"its command has not ended in time"};
  if (long_winded)
    return Unexpected<std::string>{"its command says more than " +
                                   std::to_string(limits::kCredential) + " bytes"};
  if (!WIFEXITED(status))
    return Unexpected<std::string>{"its command was ended by signal " +
                                   std::to_string(WTERMSIG(status))};
  if (WEXITSTATUS(status) == kNotStarted)
    return Unexpected<std::string>{"its command cannot be started, or has not found another"};
  if (WEXITSTATUS(status) != 0)
    return Unexpected<std::string>{"its command failed with exit code " +
                                   std::to_string(WEXITSTATUS(status))};
  auto value = as_credential(std::move(text));
  if (!value) return Unexpected<std::string>{"what its command says " + value.error()};
  return Fetched{.value = *std::move(value)};
}

}  // namespace veilwire::credentials
