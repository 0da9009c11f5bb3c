#include "agent/proxy/file_watch.h"

#include "agent/host/log.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <filesystem>
#include <system_error>
#include <utility>

#include <sys/inotify.h>
#include <unistd.h>

namespace veilwire::proxy {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kChanges =
    IN_CLOSE_WRITE | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
// As the kernel: links that lead in a circle lead nowhere.
constexpr int kMostLinks = 40;

struct Place {
  fs::path folder, name;
};

std::vector<Place> way_to(const std::string& file) {
  std::vector<Place> places;
  const fs::path absolute = fs::absolute(file);
  fs::path folder = absolute.root_path();
  const fs::path from_root = absolute.relative_path();
  std::deque<fs::path> rest(from_root.begin(), from_root.end());
  for (int links = 0; !rest.empty() && links <= kMostLinks;) {
    const fs::path name = std::move(rest.front());
    rest.pop_front();
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      folder = folder.parent_path();
      continue;
    }
    places.push_back({folder, name});
    std::error_code none;
    const fs::path target = fs::read_symlink(folder / name, none);
    if (none) {
      folder /= name;
      continue;
    }
    ++links;
    if (target.is_absolute()) folder = target.root_path();
    const fs::path steps = target.relative_path();
    rest.insert(rest.begin(), steps.begin(), steps.end());
  }
  return places;
}

// A plain file that has just been made is still empty: it counts when its writer has closed it.
bool still_empty(const inotify_event& event, const fs::path& path) {
  std::error_code none;
  return (event.mask & IN_CREATE) != 0 && (event.mask & IN_ISDIR) == 0 &&
         !fs::is_symlink(fs::symlink_status(path, none));
}

}  // namespace

FileWatch::FileWatch() : inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  if (!inotify_) throw std::system_error(errno, std::generic_category(), "inotify");
}

bool FileWatch::watch(const std::vector<std::string>& files) {
  auto former = std::exchange(watched_, {});
  bool more = false;
  for (const std::string& file : files) {
    for (const Place& place : way_to(file)) {
      const int watch = add(place.folder.string());
      if (watch < 0) continue;
      watched_[watch].folder = place.folder.string();
      watched_[watch].names.insert(place.name.string());
      more = more || !former[watch].names.contains(place.name.string());
    }
  }
  for (const auto& [watch, names] : former)
    if (!watched_.contains(watch)) ::inotify_rm_watch(inotify_.get(), watch);
  return more;
}

// The same inode is the same watch, however often and by whatever path it is added.
int FileWatch::add(const std::string& folder) {
  const int watch = ::inotify_add_watch(inotify_.get(), folder.c_str(), kChanges | IN_ONLYDIR);
  // A folder that is not there is seen by its parent when it comes.
  if (watch >= 0 || errno == ENOENT || errno == ENOTDIR) {
    unseen_.erase(folder);
  } else if (unseen_.insert(folder).second) {
    host::log::warning(folder + ": what changes here is not noticed (" + std::strerror(errno) +
                       "); tell the proxy with SIGHUP, or let it read the folder");
  }
  return watch;
}

bool FileWatch::changed() {
  bool ours = false;
  alignas(inotify_event) std::array<char, 4096> buffer{};
  ssize_t n = 0;
  while ((n = ::read(inotify_.get(), buffer.data(), buffer.size())) > 0) {
    for (std::size_t at = 0; at + sizeof(inotify_event) <= static_cast<std::size_t>(n);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* name = buffer.data() + at + sizeof event;
      const auto found = watched_.find(event.wd);
      const bool named =
          found != watched_.end() && event.len != 0 && found->second.names.contains(name);
      // A lost event may have been one of ours.
      if ((event.mask & IN_Q_OVERFLOW) != 0 ||
          (named && !still_empty(event, fs::path(found->second.folder) / name)))
        ours = true;
      at += sizeof event + event.len;
    }
  }
  return ours;
}

}  // namespace veilwire::proxy
