// A program of the tests' own that was executed as a client, with both ends of its standard input
// and output. What it understands is in tests/bpf/test_client.cpp.
#pragma once

#include "tests/bpf/arena.h"

#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace veilwire::tests {

class Running {
 public:
  Running(const Arena& arena, const std::string& path, std::vector<std::string> arguments,
          const std::string& name) {
    int in[2];
    int out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0)
      throw std::runtime_error("pipe");
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      arena.join(arena.clients_cgroup());
      ::dup2(in[0], STDIN_FILENO);
      ::dup2(out[1], STDOUT_FILENO);
      arguments.insert(arguments.begin(), name.empty() ? path : name);
      std::vector<char*> argv;
      for (std::string& argument : arguments) argv.push_back(argument.data());
      argv.push_back(nullptr);
      ::execv(path.c_str(), argv.data());
      ::_exit(98);
    }
    ::close(in[0]);
    ::close(out[1]);
    in_.reset(in[1]);
    out_.reset(out[0]);
    child_ = Child(pid);
  }
  std::uint32_t tgid() const { return static_cast<std::uint32_t>(child_.pid()); }
  void go() { ASSERT_EQ(::write(in_.get(), "g", 1), 1); }
  template <class T>
  T get() {
    T value{};
    std::size_t got = 0;
    while (got < sizeof(T)) {
      const ssize_t n = ::read(out_.get(), reinterpret_cast<char*>(&value) + got, sizeof(T) - got);
      if (n <= 0) {
        ADD_FAILURE() << "the client ended without an answer";
        break;
      }
      got += static_cast<std::size_t>(n);
    }
    return value;
  }
  int wait() {
    in_.reset();
    return child_.wait();
  }

 private:
  host::UniqueFd in_;
  host::UniqueFd out_;
  Child child_;
};

inline ::testing::AssertionResult labelled(const Connected& got) {
  if (got.read && got.reply.error == 0 && (got.reply.origin.flags & VW_ORIGIN_LABELLED) != 0)
    return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << "connect: " << std::generic_category().message(got.error)
         << (got.read ? ", a reply" : ", no reply")
         << ", record: " << std::generic_category().message(got.reply.error) << ", flags "
         << got.reply.origin.flags << ", process " << got.tgid << "; its label is below";
}

}  // namespace veilwire::tests
