#include "agent/identity/cgroups.h"

#include "userspace/base/limits.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>

#include <dirent.h>
#include <sys/stat.h>

namespace veilwire::agent_identity {
namespace {

using identity::Cgroup;

// Cgroups that are kept, and that one walk looks at: a few hundred in practice, but who may make
// one may make very many.
constexpr std::size_t kMostKnown = 16'384;
// Questions about cgroups that are nowhere would have us walk without end.
constexpr std::chrono::milliseconds kBetweenWalks{500};

std::optional<std::uint64_t> inode_of(const std::string& folder) {
  struct stat status {};
  if (::lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return std::nullopt;
  return status.st_ino;
}

std::vector<std::string> folders_in(const std::string& folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), ::closedir);
  if (!open) return names;
  while (const dirent* entry = ::readdir(open.get()))
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  return names;
}

// mountinfo writes blanks and backslashes as \NNN.
std::string unescaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text.front() == '\\' && text.size() >= 4) {
      out += static_cast<char>((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
      text.remove_prefix(4);
    } else {
      out += text.front();
      text.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace

std::optional<std::string> cgroup2_mount(const std::string& mountinfo) {
  std::ifstream in(mountinfo);
  for (std::string line; std::getline(in, line);) {
    const std::size_t dash = line.find(" - cgroup2 ");
    if (dash == std::string::npos) continue;
    std::istringstream fields(line);
    std::string id, parent, device, root, point;
    fields >> id >> parent >> device >> root >> point;
    return unescaped(point);
  }
  return std::nullopt;
}

std::optional<std::string> cgroup2_path(std::string_view proc_cgroup) {
  while (!proc_cgroup.empty()) {
    const std::size_t end = std::min(proc_cgroup.find('\n'), proc_cgroup.size());
    const std::string_view line = proc_cgroup.substr(0, end);
    proc_cgroup.remove_prefix(std::min(end + 1, proc_cgroup.size()));
    if (!line.starts_with("0::/")) continue;
    std::string path(line.substr(3));
    // Outside of the root of our cgroup namespace it begins with "/..".
    if (path.find("/..") != std::string::npos) return std::nullopt;
    return path;
  }
  return std::nullopt;
}

Cgroups::Cgroups(std::string mount, std::string proc)
    : mount_(std::move(mount)), proc_(std::move(proc)) {}

std::vector<Cgroup> Cgroups::place_of(std::uint64_t id, pid_t process, Monotonic now) {
  if (id == 0) return {};
  if (auto place = known_place(id); !place.empty()) return place;
  if (process > 0) {
    std::ifstream in(proc_ + "/" + std::to_string(process) + "/cgroup");
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto path = cgroup2_path(text);
    // It may have been moved since, or have ended and its number been given to another.
    if (path) learn(place_at(*path));
    if (auto place = known_place(id); !place.empty()) return place;
  }
  if (next_walk_ && now < *next_walk_) return {};
  next_walk_ = now + kBetweenWalks;
  walk();
  return known_place(id);
}

std::vector<Cgroup> Cgroups::place_at(const std::string& path) const {
  std::vector<Cgroup> place;
  std::string folder = mount_, name;
  std::istringstream parts(path);
  const auto root = inode_of(mount_);
  if (!root) return {};
  place.push_back({*root, ""});
  while (std::getline(parts, name, '/')) {
    if (name.empty()) continue;
    folder += "/" + name;
    const auto id = inode_of(folder);
    if (!id) return {};
    place.push_back({*id, name});
  }
  std::reverse(place.begin(), place.end());
  return place;
}

std::vector<Cgroup> Cgroups::known_place(std::uint64_t id) const {
  std::vector<Cgroup> place;
  for (auto at = known_.find(id); at != known_.end(); at = known_.find(at->second.around))
    place.push_back({at->first, at->second.name});
  return place;
}

void Cgroups::learn(const std::vector<Cgroup>& place) {
  if (known_.size() + place.size() > kMostKnown) known_.clear();
  for (std::size_t i = 0; i < place.size(); ++i)
    known_[place[i].id] = {i + 1 < place.size() ? place[i + 1].id : 0, place[i].name};
}

void Cgroups::walk() {
  known_.clear();
  const auto root = inode_of(mount_);
  if (!root) return;
  known_[*root] = {0, ""};
  struct Folder {
    std::string path;
    std::uint64_t id;
    std::size_t depth;
  };
  std::deque<Folder> folders{{mount_, *root, 0}};
  while (!folders.empty() && known_.size() < kMostKnown) {
    const Folder folder = std::move(folders.front());
    folders.pop_front();
    for (const std::string& name : folders_in(folder.path)) {
      const std::string path = folder.path + "/" + name;
      const auto id = inode_of(path);
      if (!id || known_.size() >= kMostKnown) continue;
      known_[*id] = {folder.id, name};
      if (folder.depth < limits::kCgroupDepth) folders.push_back({path, *id, folder.depth + 1});
    }
  }
}

}  // namespace veilwire::agent_identity
