#include "agent/doctor/foreign_program.h"

#include "agent/host/unique_fd.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstddef>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::doctor {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostOutput = 256 * 1024;
constexpr uid_t kNobody = 65534;
constexpr int kNotConfined = 126, kNotStarted = 127;  // as a shell says it

std::string message_of(int error) { return std::generic_category().message(error); }

// Nothing that a runtime needs for one handshake, and no core file of what it held.
bool bound_resources() {
  const rlimit cpu{20, 20}, files{256, 256}, core{0, 0}, size{0, 0};
  return ::setrlimit(RLIMIT_CPU, &cpu) == 0 && ::setrlimit(RLIMIT_NOFILE, &files) == 0 &&
         ::setrlimit(RLIMIT_CORE, &core) == 0 && ::setrlimit(RLIMIT_FSIZE, &size) == 0;
}

bool become_nobody() {
  // By number: the library's own would look for the threads that the parent has.
  return ::unshare(CLONE_NEWNET | CLONE_NEWIPC) == 0 && ::syscall(SYS_setgroups, 0, nullptr) == 0 &&
         ::syscall(SYS_setresgid, kNobody, kNobody, kNobody) == 0 &&
         ::syscall(SYS_setresuid, kNobody, kNobody, kNobody) == 0;
}

// In the child: nothing but system calls.
[[noreturn]] void become(const ForeignRun& run, char* const* arguments, char* const* environment,
                         int input, int output, int errors) {
  constexpr int kGiven = 3;
  sigset_t none;
  sigemptyset(&none);
  bool ready = ::setpgid(0, 0) == 0 && ::dup2(input, STDIN_FILENO) >= 0 &&
               ::dup2(output, STDOUT_FILENO) >= 0 && ::dup2(errors, STDERR_FILENO) >= 0 &&
               ::chdir("/") == 0 && bound_resources() &&
               ::sigprocmask(SIG_SETMASK, &none, nullptr) == 0;
  if (run.descriptor == kGiven)
    ready = ready && ::fcntl(kGiven, F_SETFD, 0) == 0;
  else if (run.descriptor >= 0)
    ready = ready && ::dup2(run.descriptor, kGiven) == kGiven;
  ready = ready && ::close_range(run.descriptor >= 0 ? kGiven + 1 : kGiven, UINT_MAX, 0) == 0 &&
          (!run.confined || become_nobody()) && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
          // Last: a change of user clears it.
          ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0;
  if (!ready) ::_exit(kNotConfined);
  ::execve(arguments[0], arguments, environment);
  ::_exit(kNotStarted);
}

std::vector<char*> words_of(const std::vector<std::string>& texts) {
  std::vector<char*> words;
  for (const std::string& text : texts)
    words.push_back(const_cast<char*>(text.c_str()));  // execve writes none
  words.push_back(nullptr);
  return words;
}

// What is written before anybody reads must fit the pipe; more is no input of ours.
bool fill(int fd, const std::string& text) {
  return text.empty() || ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

int left_until(Clock::time_point end) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
  return static_cast<int>(std::clamp<decltype(left)>(left, 0, INT_MAX));
}

}  // namespace

ForeignOutcome run_foreign(const ForeignRun& run) {
  const auto end = Clock::now() + run.patience;
  std::array<int, 2> in{}, out{};
  if (::pipe2(in.data(), O_CLOEXEC) != 0) return {.problem = message_of(errno)};
  host::UniqueFd read_in(in[0]), write_in(in[1]);
  if (::pipe2(out.data(), O_CLOEXEC) != 0) return {.problem = message_of(errno)};
  const host::UniqueFd read_out(out[0]);
  host::UniqueFd write_out(out[1]);
  const host::UniqueFd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!nothing || !fill(write_in.get(), run.input)) return {.problem = message_of(errno)};
  std::vector<std::string> environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C",
                                          "HOME=/nonexistent"};
  environment.insert(environment.end(), run.environment.begin(), run.environment.end());
  const std::vector<char*> arguments = words_of(run.command), variables = words_of(environment);

  const pid_t pid = ::fork();
  if (pid < 0) return {.problem = message_of(errno)};
  if (pid == 0)
    become(run, arguments.data(), variables.data(), read_in.get(), write_out.get(),
           run.errors_too ? write_out.get() : nothing.get());
  ::setpgid(pid, pid);  // whoever of both comes first
  const host::UniqueFd ended(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  write_in.reset();
  read_in.reset();
  write_out.reset();

  ForeignOutcome outcome;
  const std::string& name = run.command.front();
  std::array<char, 4096> piece{};
  // To the end of its words, or of itself: a child that it left behind may hold the pipe.
  for (bool open = true, over = false; (open || !over) && outcome.problem.empty();) {
    std::array<pollfd, 2> polled = {
        {{open ? read_out.get() : -1, POLLIN, 0}, {over ? -1 : ended.get(), POLLIN, 0}}};
    const int ready = ::poll(polled.data(), polled.size(), left_until(end));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      outcome.problem = name + " has not ended in time";
      break;
    }
    if ((polled[0].revents & (POLLIN | POLLHUP)) != 0) {
      const ssize_t n = ::read(read_out.get(), piece.data(), piece.size());
      open = n > 0;
      if (n > 0) outcome.text.append(piece.data(), static_cast<std::size_t>(n));
      if (outcome.text.size() > kMostOutput) outcome.problem = name + " says too much";
    } else if (polled[1].revents != 0) {
      over = true;
      open = false;
    }
  }
  // Before its number can be another's.
  ::kill(-pid, SIGKILL);
  ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  if (!outcome.problem.empty()) return outcome;
  if (!WIFEXITED(status))
    outcome.problem = name + " was ended by signal " + std::to_string(WTERMSIG(status));
  else if (run.confined && WEXITSTATUS(status) == kNotConfined)
    outcome.problem = name + " could not be confined";
  else if (WEXITSTATUS(status) == kNotStarted)
    outcome.problem = name + " cannot be started";
  else
    outcome.exit_code = WEXITSTATUS(status);
  return outcome;
}

std::string find_program(const std::vector<std::string>& names,
                         const std::vector<std::string>& folders) {
  for (const std::string& name : names)
    for (const std::string& folder : folders)
      if (const std::string path = folder + "/" + name; ::access(path.c_str(), X_OK) == 0)
        return path;
  return {};
}

}  // namespace veilwire::doctor
