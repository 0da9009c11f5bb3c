// The veilwire command as a shell sees it.
#pragma once

#include <array>
#include <cstdio>
#include <string>

#include <sys/wait.h>

namespace veilwire::testing {

struct Ran {
  int exit_code = -1;
  std::string output;
};

inline std::string veilwire() { return std::string(VEILWIRE_BINARY_DIR) + "/bin/veilwire"; }

// A line of shell: its standard output and exit code.
inline Ran shell(const std::string& command) {
  Ran ran;
  FILE* pipe = ::popen(command.c_str(), "re");
  if (pipe == nullptr) return ran;
  std::array<char, 4096> piece{};
  for (std::size_t n = 0; (n = std::fread(piece.data(), 1, piece.size(), pipe)) != 0;)
    ran.output.append(piece.data(), n);
  const int status = ::pclose(pipe);
  if (WIFEXITED(status)) ran.exit_code = WEXITSTATUS(status);
  return ran;
}

inline Ran run(const std::string& arguments) { return shell(veilwire() + " " + arguments); }

}  // namespace veilwire::testing
