// A credential that a program of the organisation prints. It is started without a shell, with an
// environment of its own and nothing of ours but its standard output, has a time limit, and dies
// with all that it has started: it cannot leave its process group (seccomp), and the group is
// killed. What it says on standard error is discarded, as that may hold a secret too. Tested by
// tests/unit/credentials/command_source_test.cpp.
#pragma once

#include "agent/credentials/source.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace veilwire::credentials {

class CommandSource final : public Source {
 public:
  // command: an absolute path and its arguments.
  CommandSource(std::vector<std::string> command, std::chrono::milliseconds patience)
      : command_(std::move(command)), patience_(patience) {}
  Result<Fetched, std::string> fetch() const override;

 private:
  std::vector<std::string> command_;
  std::chrono::milliseconds patience_;
};

}  // namespace veilwire::credentials
