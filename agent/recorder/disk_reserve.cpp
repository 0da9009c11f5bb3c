#include "agent/recorder/disk_reserve.h"

#include "agent/host/unique_fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace veilwire::recorder {
namespace {

// A transaction of a full batch stays below it.
constexpr std::uint64_t kLeastFree = std::uint64_t{16} << 20;

}  // namespace

std::uint64_t free_bytes(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  struct statvfs status {};
  if (::statvfs(folder.c_str(), &status) != 0) return 0;
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

DiskReserve::DiskReserve(std::string path, std::uint64_t bytes)
    : path_(std::move(path)), bytes_(bytes), held_(bytes == 0) {}

bool DiskReserve::disk_is_full() const { return free_bytes(path_) < kLeastFree; }

bool DiskReserve::acquire() {
  if (held_) return true;
  struct stat before {};
  const std::uint64_t has =
      ::stat(path_.c_str(), &before) == 0 ? static_cast<std::uint64_t>(before.st_blocks) * 512 : 0;
  if (has < bytes_ && free_bytes(path_) < bytes_ - has + bytes_ / 4) return false;
  const host::UniqueFd fd(
      ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  if (!fd) return false;
  if (::posix_fallocate(fd.get(), 0, static_cast<off_t>(bytes_)) != 0) {
    // What it got before the disk was full would be missing to the records.
    (void)!::ftruncate(fd.get(), 0);
    return false;
  }
  // A smaller reserve than last time: give the rest back.
  (void)!::ftruncate(fd.get(), static_cast<off_t>(bytes_));
  return held_ = true;
}

void DiskReserve::release() {
  if (bytes_ == 0) return;
  (void)!::truncate(path_.c_str(), 0);
  held_ = false;
}

}  // namespace veilwire::recorder
