#include "agent/redirector/evidence.h"

#include "agent/host/unique_fd.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace veilwire::redirector {
namespace {

namespace fs = std::filesystem;

// A process chooses its own argument list; more than this is somebody who wants us busy.
constexpr std::size_t kArgumentBytes = 64 * 1024;
constexpr std::size_t kArguments = 64;

bool contains_one(std::string_view text, const std::vector<std::string>& parts) {
  return std::any_of(parts.begin(), parts.end(), [&](const std::string& part) {
    return text.find(part) != std::string_view::npos;
  });
}

bool is_one(std::string_view text, const std::vector<std::string>& names) {
  return std::find(names.begin(), names.end(), text) != names.end();
}

std::string_view basename_of(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

std::vector<std::string> read_arguments(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text(kArgumentBytes, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  std::vector<std::string> arguments;
  for (std::size_t at = 0; at < text.size() && arguments.size() < kArguments;) {
    const std::size_t end = std::min(text.find('\0', at), text.size());
    arguments.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return arguments;
}

// Where a script's path leads, seen from the process's own root: it may live in a container, or in
// a home that our unit does not show us.
std::string real_path(const fs::path& process, const std::string& argument) {
  std::error_code error;
  const fs::path working_directory = fs::read_symlink(process / "cwd", error);
  const fs::path wanted = working_directory / argument;
  const host::UniqueFd root(::open((process / "root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT;
  const host::UniqueFd file(
      static_cast<int>(::syscall(SYS_openat2, root.get(), wanted.c_str(), &how, sizeof(how))));
  if (!file) return {};
  return fs::read_symlink("/proc/self/fd/" + std::to_string(file.get()), error).string();
}

bool is_client_script(const Settings& settings, const fs::path& process,
                      const std::string& argument) {
  if (argument.empty() || argument.front() == '-') return false;
  if (contains_one(argument, settings.arguments) || contains_one(argument, settings.paths) ||
      is_one(basename_of(argument), settings.names))
    return true;
  const std::string real = real_path(process, argument);
  return contains_one(real, settings.arguments) || contains_one(real, settings.paths);
}

}  // namespace

Evidence look_at_process(const Settings& settings, const std::string& proc, std::uint32_t tgid) {
  const fs::path process = fs::path(proc) / std::to_string(tgid);
  std::error_code error;
  std::string exe = fs::read_symlink(process / "exe", error).string();
  if (error) return Evidence::Gone;
  // An update replaced the file while it runs.
  constexpr std::string_view kDeleted = " (deleted)";
  if (exe.ends_with(kDeleted)) exe.resize(exe.size() - kDeleted.size());

  if (is_one(basename_of(exe), settings.names) || contains_one(exe, settings.paths))
    return Evidence::Client;
  if (!is_one(basename_of(exe), settings.interpreters)) return Evidence::Nothing;
  const std::vector<std::string> arguments = read_arguments(process / "cmdline");
  for (std::size_t i = 1; i < arguments.size(); ++i)
    if (is_client_script(settings, process, arguments[i])) return Evidence::Interpreted;
  return Evidence::Nothing;
}

}  // namespace veilwire::redirector
