#include "agent/redirector/evidence.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>
#include <vector>

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

bool is_client_script(const Settings& settings, const std::string& argument,
                      const fs::path& working_directory) {
  if (argument.empty() || argument.front() == '-') return false;
  if (contains_one(argument, settings.arguments) || contains_one(argument, settings.paths) ||
      is_one(basename_of(argument), settings.names))
    return true;
  std::error_code error;
  const std::string real = fs::canonical(working_directory / argument, error).string();
  return !error && (contains_one(real, settings.arguments) || contains_one(real, settings.paths));
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
  const fs::path working_directory = fs::read_symlink(process / "cwd", error);
  const std::vector<std::string> arguments = read_arguments(process / "cmdline");
  for (std::size_t i = 1; i < arguments.size(); ++i)
    if (is_client_script(settings, arguments[i], working_directory)) return Evidence::Interpreted;
  return Evidence::Nothing;
}

}  // namespace veilwire::redirector
