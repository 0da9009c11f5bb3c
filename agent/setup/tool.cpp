#include "agent/setup/tool.h"

#include "agent/host/log.h"
#include "agent/host/unique_fd.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::setup {
namespace {

constexpr const char* kFolders[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                    "/usr/bin",        "/sbin",          "/bin"};
constexpr std::size_t kLastWords = 4096;

std::string find(const std::string& program) {
  if (program.find('/') != program.npos) return program;
  for (const char* folder : kFolders) {
    std::string path = std::string(folder) + "/" + program;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

[[noreturn]] void become(const std::string& path, const std::vector<std::string>& command,
                         int output) {
  std::vector<char*> arguments;
  for (const std::string& one : command) arguments.push_back(const_cast<char*>(one.c_str()));
  arguments.push_back(nullptr);
  std::string search = "PATH=", locale = "LC_ALL=C.UTF-8";
  for (const char* folder : kFolders) search += std::string(search.size() == 5 ? "" : ":") + folder;
  std::array<char*, 3> environment{search.data(), locale.data(), nullptr};
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::signal(SIGPIPE, SIG_DFL);
  // What they make is for everybody to read, also where the caller's files are not.
  ::umask(S_IWGRP | S_IWOTH);
  ::execve(path.c_str(), arguments.data(), environment.data());
  ::_exit(127);
}

}  // namespace

ToolResult run_tool(const std::vector<std::string>& command) {
  const std::string path = find(command.at(0));
  if (path.empty()) return {127, "there is no such program"};
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw std::runtime_error(std::string("pipe: ") + std::strerror(errno));
  const host::UniqueFd out(ends[0]);
  host::UniqueFd in(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error(std::string("fork: ") + std::strerror(errno));
  if (child == 0) become(path, command, in.get());
  in.reset();
  ToolResult result;
  std::array<char, 4096> piece;
  for (ssize_t n = 0; (n = ::read(out.get(), piece.data(), piece.size())) != 0;) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) break;
    result.output.append(piece.data(), static_cast<std::size_t>(n));
    if (result.output.size() > kLastWords)
      result.output.erase(0, result.output.size() - kLastWords);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  result.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return result;
}

std::string failure_of(const std::vector<std::string>& command, const ToolResult& result) {
  std::string text;
  for (const std::string& one : command) text += (text.empty() ? "" : " ") + one;
  text += " failed (" + std::to_string(result.status) + ")";
  std::string said = result.output;
  while (!said.empty() && said.back() == '\n') said.pop_back();
  if (!said.empty()) text += ": " + host::log::printable(said);
  return text;
}

}  // namespace veilwire::setup
