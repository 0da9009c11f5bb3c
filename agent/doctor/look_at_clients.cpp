// Clients that are installed and that run. Nothing of theirs is started but the host's own Node,
// for its version; of their environments and settings only the variables of kClientVariables are
// taken.
#include "agent/doctor/foreign_program.h"
#include "agent/doctor/json_fields.h"
#include "agent/doctor/look.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>

namespace veilwire::doctor {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPackage = "@anthropic-ai/claude-code";
constexpr std::size_t kMostEntries = 200;  // of a folder that anybody fills

bool wanted(const std::string& name) {
  return std::find(std::begin(kClientVariables), std::end(kClientVariables), name) !=
         std::end(kClientVariables);
}

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end;
       !error && at != end && found.size() < kMostEntries; at.increment(error))
    found.push_back(at->path());
  std::sort(found.begin(), found.end());
  return found;
}

// --- what is installed ---

void look_at_package(const fs::path& modules, std::vector<ClientInstall>& installs) {
  const fs::path package = modules / kPackage;
  const auto text = read_bounded(package / "package.json");
  if (!text) return;
  std::error_code error;
  installs.push_back({.path = package,
                      .version = text_of(object_of(*text), "version"),
                      .on_node = fs::exists(package / "cli.js", error)});
}

// The native installer keeps every version by its name; the newest is what starts.
void look_at_versions(const fs::path& folder, std::vector<ClientInstall>& installs) {
  std::string newest;
  for (const fs::path& entry : entries(folder))
    if (newest.empty() || older(newest, entry.filename())) newest = entry.filename();
  if (!newest.empty()) installs.push_back({.path = folder / newest, .version = newest});
}

void look_at_home(const fs::path& home, ClientFacts& facts) {
  look_at_versions(home / ".local/share/claude/versions", facts.installs);
  for (const char* modules :
       {".claude/local/node_modules", ".npm-global/lib/node_modules", ".local/lib/node_modules"})
    look_at_package(home / modules, facts.installs);
  for (const fs::path& version : entries(home / ".nvm/versions/node"))
    look_at_package(version / "lib/node_modules", facts.installs);
}

// --- what it is told ---

void look_at_settings(const fs::path& file, bool for_all, ClientFacts& facts) {
  const auto text = read_bounded(file);
  if (!text) return;
  ClientEnvironment environment{.where = file, .for_all = for_all, .variables = {}};
  const Json variables = member(object_of(*text), "env");
  if (!variables.is_object()) return;
  for (const auto& [name, value] : variables.items())
    if (wanted(name) && value.is_string()) environment.variables[name] = value.get<std::string>();
  if (!environment.variables.empty()) facts.environments.push_back(std::move(environment));
}

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> pieces(const std::string& text) {
  std::vector<std::string> found;
  std::istringstream in(text);
  for (std::string piece; std::getline(in, piece, '\0');) found.push_back(piece);
  return found;
}

// As the kernel side matches at exec: a basename, a part of the path, a part of an argument.
bool is_client(const Places& places, const fs::path& process, const std::string& exe) {
  const auto named = [&](const fs::path& file) {
    return std::find(places.names.begin(), places.names.end(), file.filename().string()) !=
           places.names.end();
  };
  const auto within = [](const std::vector<std::string>& parts, const std::string& text) {
    return std::any_of(parts.begin(), parts.end(), [&](const std::string& part) {
      return text.find(part) != std::string::npos;
    });
  };
  if (named(exe) || within(places.paths, exe)) return true;
  const auto arguments = pieces(slurp(process / "cmdline"));
  return std::any_of(arguments.begin(), arguments.end(), [&](const std::string& argument) {
    return argument.starts_with('/') && (named(argument) || within(places.arguments, argument));
  });
}

// Those below the cgroup in which clients are caught, and no others.
std::set<long> processes_below(const fs::path& cgroup) {
  std::set<long> pids;
  const auto read = [&pids](const fs::path& folder) {
    std::ifstream in(folder / "cgroup.procs");
    for (long pid = 0; in >> pid;)
      if (pid > 0) pids.insert(pid);
  };
  read(cgroup);
  std::error_code error;
  for (fs::recursive_directory_iterator at(cgroup, error), end; !error && at != end;
       at.increment(error))
    if (at->is_directory(error)) read(at->path());
  return pids;
}

fs::path cgroup_of(const Places& places, const std::string& mount) {
  if (places.cgroup == mount || places.cgroup.starts_with(mount + "/")) return places.cgroup;
  return fs::path(mount) / fs::path(places.cgroup).relative_path();
}

void look_at_processes(const Places& places, const std::string& mount, const Json& kernel,
                       ClientFacts& facts) {
  std::set<long> watched;
  for (const Json& label : list_of(kernel, "labels"))
    watched.insert(static_cast<long>(count_of(label, "tgid")));
  if (is_true(kernel, "loaded")) facts.unwatched.emplace();
  for (const long pid : processes_below(cgroup_of(places, mount))) {
    const fs::path process = "/proc/" + std::to_string(pid);
    std::error_code error;
    const std::string exe = fs::read_symlink(process / "exe", error);
    if (error || !is_client(places, process, exe)) continue;
    std::string name = slurp(process / "comm");
    while (!name.empty() && name.back() == '\n') name.pop_back();
    ClientEnvironment environment{.where = "process " + std::to_string(pid) + " (" + name + ")",
                                  .variables = {}};
    for (const std::string& variable : pieces(slurp(process / "environ"))) {
      const auto equal = variable.find('=');
      if (equal != std::string::npos && wanted(variable.substr(0, equal)))
        environment.variables[variable.substr(0, equal)] = variable.substr(equal + 1);
    }
    if (facts.unwatched && !watched.contains(pid)) facts.unwatched->push_back(environment.where);
    facts.environments.push_back(std::move(environment));
  }
}

std::optional<std::string> version_of_node() {
  const std::string node = find_program({"node", "nodejs"});
  if (node.empty()) return std::nullopt;
  const ForeignOutcome outcome = run_foreign({.command = {node, "--version"}, .input = ""});
  std::string version = outcome.text.substr(0, outcome.text.find('\n'));
  if (!version.starts_with('v')) return std::nullopt;
  return version.substr(1);
}

}  // namespace

ClientFacts look_at_clients(const Places& places, const KernelFacts& kernel,
                            const ctl::StatusReport& report,
                            const std::vector<std::string>& hosts) {
  ClientFacts facts;
  facts.every_home_was_read = places.root;
  facts.policy_hosts = hosts;
  for (const std::string& modules : places.node_modules) look_at_package(modules, facts.installs);
  const fs::path managed = places.managed_settings;
  look_at_settings(managed / "managed-settings.json", true, facts);
  for (const fs::path& part : entries(managed / "managed-settings.d"))
    if (part.extension() == ".json") look_at_settings(part, true, facts);
  for (const std::string& home : places.homes) {
    look_at_home(home, facts);
    look_at_settings(fs::path(home) / ".claude/settings.json", false, facts);
  }
  const bool on_node = std::any_of(facts.installs.begin(), facts.installs.end(),
                                   [](const ClientInstall& one) { return one.on_node; });
  if (places.root && on_node) facts.node_version = version_of_node();
  if (const std::string mount = text_of(object_of(kernel.probe), "cgroup2"); !mount.empty())
    look_at_processes(places, mount, object_of(report.kernel), facts);
  return facts;
}

}  // namespace veilwire::doctor
