// A program to be executed under many names: its arguments are orders, words it does not know are
// skipped.
//   wait               reads one byte from standard input
//   connect HOST PORT  connects and writes a struct Connected to standard output
//   daemon             double fork and setsid; the grandchild goes on and writes its pid,
//                      the others exit
//   child              forks; the child goes on and writes its pid, the parent waits for its end
//   pidns              forks into a new PID namespace; the child goes on, the parent waits
//   thread             goes on in a second thread
//   exec PATH          replaces itself by PATH, which gets the rest of the arguments
#include "tests/bpf/arena.h"

#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <thread>

#include <sched.h>
#include <unistd.h>

namespace {

using veilwire::tests::Connected;

void put(const void* data, std::size_t size) {
  if (::write(STDOUT_FILENO, data, size) != static_cast<ssize_t>(size)) ::_exit(3);
}

void put_pid() {
  const pid_t pid = ::getpid();
  put(&pid, sizeof(pid));
}

void obey(int argc, char** argv, int at) {
  for (int i = at; i < argc; ++i) {
    const std::string_view order = argv[i];
    if (order == "wait") {
      char byte = 0;
      if (::read(STDIN_FILENO, &byte, 1) != 1) ::_exit(0);
    } else if (order == "connect" && i + 2 < argc) {
      const Connected got = veilwire::tests::connect_to(
          argv[i + 1], static_cast<std::uint16_t>(std::atoi(argv[i + 2])));
      put(&got, sizeof(got));
      i += 2;
    } else if (order == "daemon") {
      if (::fork() != 0) ::_exit(0);
      ::setsid();
      if (::fork() != 0) ::_exit(0);
      put_pid();
    } else if (order == "child") {
      if (::fork() != 0)
        for (;;) ::pause();
      put_pid();
    } else if (order == "pidns") {
      if (::unshare(CLONE_NEWPID) != 0) ::_exit(5);
      if (::fork() != 0)
        for (;;) ::pause();
    } else if (order == "thread") {
      std::thread([=] {
        obey(argc, argv, i + 1);
        ::_exit(0);
      }).join();
    } else if (order == "exec" && i + 1 < argc) {
      ::execv(argv[i + 1], argv + i + 1);
      ::_exit(4);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  obey(argc, argv, 1);
  return 0;
}
