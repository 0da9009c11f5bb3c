#include "agent/redirector/places.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

namespace veilwire::redirector {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A kernfs node's file handle is its 64-bit id, which is what bpf_get_current_cgroup_id gives.
using HandleBytes = std::array<unsigned char, sizeof(file_handle) + sizeof(std::uint64_t)>;

std::uint64_t cgroup_id(int directory) {
  alignas(file_handle) HandleBytes bytes{};
  auto* handle = new (bytes.data()) file_handle;
  handle->handle_bytes = sizeof(std::uint64_t);
  int mount = 0;
  if (::name_to_handle_at(directory, "", handle, &mount, AT_EMPTY_PATH) != 0)
    throw std::system_error(errno, std::generic_category(), "id of the cgroup");
  std::uint64_t id = 0;
  std::memcpy(&id, bytes.data() + sizeof(file_handle), sizeof(id));
  return id;
}

std::string cgroup_mount() {
  const auto mount = find_mount(read_file("/proc/self/mountinfo"), "cgroup2");
  if (!mount) throw std::runtime_error("no cgroup2 file system is mounted");
  return *mount;
}

// mountinfo writes a blank as \040 and so on.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && text.size() - i > 3) {
      out.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                      (text[i + 3] - '0')));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

// Seen from a cgroup namespace, as containers have one, the root of all cgroups is "/..", once for
// each level that is above the namespace's own.
bool is_root_of_all(std::string_view root) {
  while (root.starts_with("/..")) root.remove_prefix(3);
  return root.empty();
}

// By the lists of processes, for a path that begins above our cgroup namespace: it does not say
// where. Cgroups come and go meanwhile, and the walk goes on.
std::optional<std::string> cgroup_that_lists(int pid) {
  namespace fs = std::filesystem;
  std::vector<fs::path> folders{cgroup_mount()};
  while (!folders.empty()) {
    const fs::path folder = std::move(folders.back());
    folders.pop_back();
    std::ifstream in(folder / "cgroup.procs");
    for (int one = 0; in >> one;)
      if (one == pid) return folder.string();
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
      std::error_code gone;
      if (at->is_directory(gone)) folders.push_back(at->path());
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> find_mount(std::string_view mountinfo, std::string_view type) {
  std::optional<std::string> from_below;
  std::istringstream lines{std::string(mountinfo)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    const std::vector<std::string> fields{std::istream_iterator<std::string>(words), {}};
    for (std::size_t i = 6; i + 1 < fields.size(); ++i) {
      if (fields[i] != "-") continue;
      if (fields[i + 1] != type) break;
      if (fields[3] == "/") return unescape(fields[4]);
      if (!from_below && is_root_of_all(fields[3])) from_below = unescape(fields[4]);
      break;
    }
  }
  return from_below;
}

Cgroup open_cgroup(const std::string& name) {
  const std::string mount = cgroup_mount();
  const bool whole = name == mount || name.starts_with(mount + "/");
  namespace fs = std::filesystem;
  const fs::path below =
      whole ? fs::path(name).lexically_relative(mount) : fs::path(name).relative_path();
  Cgroup cgroup;
  fs::path path = mount;
  for (const fs::path& part : below) {
    if (part.empty() || part == ".") continue;
    if (part == "..") throw std::runtime_error("cgroup \"" + name + "\": no \"..\"");
    path /= part;
    ++cgroup.level;
  }
  cgroup.path = path.string();
  cgroup.fd.reset(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!cgroup.fd) throw std::system_error(errno, std::generic_category(), "cgroup " + cgroup.path);
  cgroup.id = cgroup_id(cgroup.fd.get());
  return cgroup;
}

std::optional<Cgroup> open_cgroup_by_id(std::uint64_t id) {
  namespace fs = std::filesystem;
  // The directory's inode number is the id. A walk, because open_by_handle_at is a privileged call
  // that the unit's filter of system calls has no other reason to allow.
  const auto is_it = [id](const fs::path& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 && info.st_ino == id;
  };
  const fs::path mount = cgroup_mount();
  if (is_it(mount)) return open_cgroup("/");
  std::error_code error;
  for (fs::recursive_directory_iterator at(mount, error), end; !error && at != end;
       at.increment(error)) {
    if (at->is_directory(error) && is_it(at->path())) {
      try {
        return open_cgroup(at->path().string());
      } catch (const std::exception&) {
        return std::nullopt;  // gone between the two
      }
    }
  }
  return std::nullopt;
}

void check_proc() {
  // "NSpid:" lists our numbers from the namespace of this mount down to our own; without a number
  // in that namespace we have no /proc/self.
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    const std::vector<std::string> fields{std::istream_iterator<std::string>(words), {}};
    if (!fields.empty() && fields[0] == "NSpid:" && fields.size() == 2) return;
  }
  throw std::runtime_error(
      "/proc is not that of this PID namespace: mount one (mount -t proc proc /proc)");
}

std::optional<std::string> cgroup_of(int pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/cgroup");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("0::"))
      return line.starts_with("0::/..") ? cgroup_that_lists(pid) : line.substr(3);
  return std::nullopt;
}

void prepare_pin_directory(const std::string& directory) {
  namespace fs = std::filesystem;
  fs::path existing = directory;
  while (!fs::exists(existing) && existing.has_relative_path()) existing = existing.parent_path();
  struct statfs info {};
  if (::statfs(existing.c_str(), &info) != 0)
    throw std::system_error(errno, std::generic_category(), existing.string());
  if (info.f_type != BPF_FS_MAGIC)
    throw std::runtime_error(directory +
                             " is not on a bpffs: mount one (mount -t bpf bpf /sys/fs/bpf), or "
                             "change pin_directory");
  std::vector<fs::path> missing;
  for (fs::path p = directory; p != existing; p = p.parent_path()) missing.push_back(p);
  for (auto p = missing.rbegin(); p != missing.rend(); ++p)
    if (::mkdir(p->c_str(), 0700) != 0 && errno != EEXIST)
      throw std::system_error(errno, std::generic_category(), p->string());
}

}  // namespace veilwire::redirector
