// The agent's own programs, and what they say.
#include "agent/doctor/foreign_program.h"
#include "agent/doctor/look.h"
#include "agent/host/config.h"
#include "agent/host/confinement.h"
#include "agent/host/local_socket.h"
#include "agent/host/unique_fd.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace veilwire::doctor {
namespace {

// The kernel keeps who has called listen().
std::optional<pid_t> listener_of(const std::string& path, int& error) {
  const auto fd = host::connect_local(path, false);
  error = fd ? 0 : fd.error();
  if (!fd) return std::nullopt;
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd->get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0)
    return std::nullopt;
  return peer.pid;
}

// nullopt: one of both cannot be seen.
std::optional<bool> runs(pid_t pid, const std::string& program) {
  struct stat running {
  }, installed{};
  if (::stat(("/proc/" + std::to_string(pid) + "/exe").c_str(), &running) != 0 ||
      ::stat(program.c_str(), &installed) != 0)
    return std::nullopt;
  return running.st_dev == installed.st_dev && running.st_ino == installed.st_ino;
}

}  // namespace

std::optional<std::string> read_bounded(const std::string& path, std::size_t most) {
  const host::UniqueFd fd(
      ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  std::string text;
  std::array<char, 16384> piece{};
  for (;;) {
    const ssize_t n = ::read(fd.get(), piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(n));
    if (text.size() > most) return std::nullopt;
  }
}

KernelFacts look_at_kernel(const Places& places) {
  KernelFacts facts;
  facts.pin_directory = places.pin_directory;
  if (!places.root) {
    facts.problem = "needs root";
    return facts;
  }
  ForeignRun run{.command = {places.program_folder + "/veilwire-redirector", "probe"},
                 .input = "",
                 .confined = false};
  if (!places.config.empty())
    run.command.insert(run.command.end(), {"--config", places.config});
  else
    run.command.insert(run.command.end(), {"--config", host::kDefaultConfig});
  ForeignOutcome outcome = run_foreign(run);
  facts.problem = std::move(outcome.problem);
  if (facts.problem.empty()) facts.probe = std::move(outcome.text);
  if (facts.problem.empty() && facts.probe.empty())
    facts.problem = run.command.front() + " probe says nothing";
  return facts;
}

ctl::StatusReport look_at_status(const Places& places) {
  ctl::StatusPlaces status = places.status;
  // Its complaint that it may not look would go to standard error.
  if (!places.root) status.redirector_program.clear();
  ctl::StatusReport report = ctl::gather_status(status);
  if (!places.root) report.kernel_note = "the kernel's pins are for root alone";
  return report;
}

ProgramsFacts look_at_programs(const Places& places, const ctl::StatusReport& report) {
  ProgramsFacts facts{.report = report, .processes = {}, .stale_sockets = {}};
  for (const auto& program : places.status.programs) {
    if (program.status_socket.empty()) continue;
    int error = 0;
    const auto pid = listener_of(program.status_socket, error);
    if (error == ECONNREFUSED) facts.stale_sockets.push_back(program.status_socket);
    if (!pid) continue;
    if (const auto same = runs(*pid, places.program_folder + "/veilwire-" + program.name))
      facts.processes.push_back({program.name, *pid, *same});
  }
  return facts;
}

std::vector<FileFacts> look_at_files(const Places& places, const std::vector<std::string>& packs) {
  std::vector<FileFacts> files = places.files;
  for (const std::string& pack : packs) {
    FileFacts file;
    file.path = pack;
    files.push_back(std::move(file));
  }
  for (FileFacts& file : files) {
    struct stat info {};
    if (::stat(file.path.c_str(), &info) != 0) {
      if (errno != ENOENT && errno != ENOTDIR)
        file.problem = std::generic_category().message(errno);
      continue;
    }
    file.exists = true;
    file.mode = info.st_mode & 07777;
    file.uid = info.st_uid;
    try {
      if (!file.owner.empty()) file.owner_uid = host::resolve_user(file.owner).uid;
    } catch (const std::exception&) {
      // No such user: then nobody but root may own it.
    }
  }
  return files;
}

HostFacts look_at_host() {
  HostFacts facts;
  for (const char* name : {"docker", "podman", "containerd", "crio", "lxd"})
    if (const std::string path = find_program({name}); !path.empty())
      facts.container_engines.push_back(path);
  for (const char* socket : {"/run/docker.sock", "/run/containerd/containerd.sock",
                             "/run/podman/podman.sock", "/run/crio/crio.sock"})
    if (::access(socket, F_OK) == 0) facts.container_engines.emplace_back(socket);
  const auto word = [](const char* path) {
    std::ifstream in(path);
    std::string text;
    std::getline(in, text);
    return text;
  };
  facts.apparmor = word("/sys/module/apparmor/parameters/enabled") == "Y";
  std::ifstream profiles("/sys/kernel/security/apparmor/profiles");
  facts.profiles_seen = profiles.is_open();
  for (std::string line; std::getline(profiles, line);)
    if (line.starts_with("veilwire")) facts.profiles.push_back(line);
  if (const std::string enforces = word("/sys/fs/selinux/enforce"); !enforces.empty())
    facts.selinux = enforces == "1" ? "enforcing" : "permissive";
  const std::string lockdown = word("/sys/kernel/security/lockdown");
  if (const auto open = lockdown.find('['), close = lockdown.find(']');
      open != std::string::npos && close > open)
    facts.lockdown = lockdown.substr(open + 1, close - open - 1);
  return facts;
}

}  // namespace veilwire::doctor
