#include "agent/redirector/detach.h"

#include "agent/host/unique_fd.h"
#include "agent/redirector/kernel_programs.h"
#include "agent/redirector/places.h"
#include "bpf/abi.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <span>
#include <system_error>

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <unistd.h>

namespace veilwire::redirector {
namespace {

namespace fs = std::filesystem;

bool is_version(const fs::path& directory) {
  const std::string name = directory.filename().string();
  return name.size() > 1 && name.front() == 'v' &&
         std::all_of(name.begin() + 1, name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::vector<fs::path> children(const fs::path& directory) {
  std::error_code error;
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(directory, error)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

// The first word of every layout's settings is its mode: the rest is left as it is, whatever its
// size.
void switch_off(const fs::path& version, std::vector<std::string>& left) {
  const host::UniqueFd map(::bpf_obj_get((version / "maps" / "settings").c_str()));
  if (!map) return;
  bpf_map_info info{};
  std::uint32_t size = sizeof(info);
  const std::uint32_t zero = 0;
  if (::bpf_obj_get_info_by_fd(map.get(), &info, &size) != 0) return;
  std::vector<char> settings(info.value_size);
  const std::uint32_t off = VW_MODE_OFF;
  if (settings.size() < sizeof(off) ||
      ::bpf_map_lookup_elem(map.get(), &zero, settings.data()) != 0)
    return;
  std::memcpy(settings.data(), &off, sizeof(off));
  if (::bpf_map_update_elem(map.get(), &zero, settings.data(), BPF_ANY) != 0)
    left.push_back(version.string() + ": could not switch the mode off");
}

struct Removed {
  fs::path pin;
  std::uint32_t link_id;
  std::uint32_t program_id;
  bpf_attach_type type;
  std::uint64_t cgroup_id;  // 0: not a cgroup's
};

Removed remove_link(const fs::path& pin, std::vector<std::string>& left) {
  Removed removed{pin, 0, 0, {}, 0};
  {
    const host::UniqueFd link(::bpf_obj_get(pin.c_str()));
    bpf_link_info info{};
    std::uint32_t size = sizeof(info);
    if (link && ::bpf_obj_get_info_by_fd(link.get(), &info, &size) == 0) {
      removed.link_id = info.id;
      removed.program_id = info.prog_id;
      if (info.type == BPF_LINK_TYPE_CGROUP) {
        removed.cgroup_id = info.cgroup.cgroup_id;
        removed.type = static_cast<bpf_attach_type>(info.cgroup.attach_type);
        // At once, even if somebody else holds the link open.
        if (removed.cgroup_id != 0 && ::bpf_link_detach(link.get()) != 0)
          left.push_back(pin.string() + ": " + std::generic_category().message(errno));
      }
    }
    if (::unlink(pin.c_str()) != 0)
      left.push_back(pin.string() + ": " + std::generic_category().message(errno));
  }
  return removed;
}

void verify(const Removed& removed, std::vector<std::string>& left) {
  if (removed.link_id == 0) return;
  if (removed.cgroup_id != 0) {
    const auto cgroup = open_cgroup_by_id(removed.cgroup_id);
    if (!cgroup) return;
    std::array<std::uint32_t, 128> ids{};
    std::uint32_t count = ids.size();
    std::uint32_t flags = 0;
    if (::bpf_prog_query(cgroup->fd.get(), removed.type, BPF_F_QUERY_EFFECTIVE, &flags, ids.data(),
                         &count) != 0)
      return;
    const std::span<const std::uint32_t> seen(ids.data(), std::min<std::size_t>(count, ids.size()));
    if (std::find(seen.begin(), seen.end(), removed.program_id) != seen.end())
      left.push_back(removed.pin.string() + ": program " + std::to_string(removed.program_id) +
                     " is still effective");
    return;
  }
  // A tracing link ends with its last reference.
  const host::UniqueFd link(::bpf_link_get_fd_by_id(removed.link_id));
  if (link)
    left.push_back(removed.pin.string() + ": link " + std::to_string(removed.link_id) +
                   " is still held by a process");
}

void remove_version(const fs::path& version, std::vector<std::string>& left) {
  switch_off(version, left);
  std::vector<Removed> removed;
  for (const fs::path& pin : children(version / "links")) removed.push_back(remove_link(pin, left));
  for (const Removed& link : removed) verify(link, left);
  for (const fs::path& pin : children(version / "maps")) ::unlink(pin.c_str());
  for (const fs::path& directory : {version / "links", version / "maps", version})
    if (::rmdir(directory.c_str()) != 0 && errno != ENOENT)
      left.push_back(directory.string() + ": " + std::generic_category().message(errno));
}

}  // namespace

std::vector<std::string> detach_all(const std::string& pin_directory) {
  std::vector<std::string> left;
  for (const fs::path& version : children(pin_directory))
    if (is_version(version)) remove_version(version, left);
  if (::rmdir(pin_directory.c_str()) != 0 && errno != ENOENT)
    left.push_back(pin_directory + ": " + std::generic_category().message(errno));
  return left;
}

std::vector<std::string> detach_this_layout(const std::string& pin_directory) {
  std::vector<std::string> left;
  remove_version(versioned_directory(pin_directory), left);
  ::rmdir(pin_directory.c_str());  // unless another version is there
  return left;
}

std::vector<std::string> detach_other_layouts(const std::string& pin_directory) {
  std::vector<std::string> left;
  for (const fs::path& version : children(pin_directory))
    if (is_version(version) && version != versioned_directory(pin_directory))
      remove_version(version, left);
  return left;
}

}  // namespace veilwire::redirector
