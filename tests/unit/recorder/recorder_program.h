// veilwire-recorder itself, with a ledger and sockets in a folder of the test.
#pragma once

#include "tests/unit/recorder/ledger_fixture.h"

#include <csignal>
#include <fstream>
#include <string>
#include <utility>

#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::recorder {

class RecorderProgram {
 public:
  explicit RecorderProgram(const TemporaryFolder& folder, const std::string& user = "")
      : config_(folder / "agent.toml"), confined_(!user.empty()) {
    std::ofstream(config_) << "[recorder]\nsocket = \"" << (folder / "recorder.sock")
                           << "\"\ndatabase = \"" << (folder / "ledger.db")
                           << "\"\nmax_size_mib = 512\nreserved_mib = 1\nwriters = [\""
                           << ::geteuid() << ":" << ::getegid() << "\"]\nreaders = [\""
                           << ::geteuid() << ":" << ::getegid()
                           << "\"]\nlog_level = \"error\"\nstatus_socket = \"\"\nuser = \"" << user
                           << "\"\n";
  }
  ~RecorderProgram() { kill(SIGKILL); }
  RecorderProgram(const RecorderProgram&) = delete;
  RecorderProgram& operator=(const RecorderProgram&) = delete;

  void start() {
    pid_ = ::fork();
    if (pid_ == 0) {
      ::execl(VEILWIRE_BINARY_DIR "/bin/veilwire-recorder", "veilwire-recorder", "--config",
              config_.c_str(), confined_ ? nullptr : "--unconfined", nullptr);
      ::_exit(127);
    }
  }
  pid_t pid() const { return pid_; }
  int kill(int signal) {
    if (pid_ > 0) ::kill(pid_, signal);
    return wait();
  }
  int wait() {
    int status = 0;
    if (pid_ > 0) ::waitpid(std::exchange(pid_, 0), &status, 0);
    return status;
  }

 private:
  std::string config_;
  bool confined_;
  pid_t pid_ = 0;
};

}  // namespace veilwire::recorder
