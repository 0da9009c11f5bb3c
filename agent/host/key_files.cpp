#include "agent/host/key_files.h"

#include "agent/host/unique_fd.h"

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace veilwire::host {
namespace {

// A chain of certificates with comments has a few kB.
constexpr std::size_t kLargest = 256 * 1024;

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw std::runtime_error(path + ": " + what);
}
[[noreturn]] void fail_errno(const std::string& path) { fail(path, std::strerror(errno)); }

UniqueFd open_file(const std::string& path, int flags) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags));
  if (!fd) fail_errno(path);
  return fd;
}

// The descriptor's own state: nothing between a check and a use.
struct stat status_of(const UniqueFd& fd, const std::string& path) {
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) fail_errno(path);
  if (!S_ISREG(status.st_mode)) fail(path, "is not a regular file");
  if (static_cast<std::size_t>(status.st_size) > kLargest) fail(path, "is too large");
  return status;
}

// Into memory that is sized once: a string that grows would leave copies of a key behind.
std::string read_all(const UniqueFd& fd, const std::string& path, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t n = ::read(fd.get(), bytes.data() + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_errno(path);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  bytes.resize(done);
  return bytes;
}

}  // namespace

void sync_folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == path.npos ? "." : path.substr(0, slash + 1);
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) fail_errno(folder);
}

Secret read_key(const std::string& path, uid_t owner) {
  const UniqueFd fd = open_file(path, O_NOFOLLOW);
  const struct stat status = status_of(fd, path);
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    fail(path, "can be read by others; use chmod 600");
  if (status.st_uid != ::geteuid() && status.st_uid != 0 && status.st_uid != owner)
    fail(path, "belongs to uid " + std::to_string(status.st_uid) + ", which could change it");
  return Secret(read_all(fd, path, static_cast<std::size_t>(status.st_size)));
}

std::string read_certificates(const std::string& path) {
  const UniqueFd fd = open_file(path, 0);
  const struct stat status = status_of(fd, path);
  return read_all(fd, path, static_cast<std::size_t>(status.st_size));
}

void write_new(const std::string& path, std::string_view bytes, mode_t mode, uid_t owner,
               gid_t group) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                           S_IRUSR | S_IWUSR));
  if (!fd && errno == EEXIST)
    fail(path, "exists already; keys are never overwritten, move it away first");
  if (!fd) fail_errno(path);
  try {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd.get(), bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail_errno(path);
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    // A sandboxed unit may not even ask (systemd's @chown).
    const bool given = owner != static_cast<uid_t>(-1) || group != static_cast<gid_t>(-1);
    if (given && ::fchown(fd.get(), owner, group) != 0) fail_errno(path);
    if (::fchmod(fd.get(), mode) != 0) fail_errno(path);
    if (::fsync(fd.get()) != 0) fail_errno(path);
    sync_folder_of(path);
  } catch (...) {
    ::unlink(path.c_str());
    throw;
  }
}

void replace(const std::string& path, std::string_view bytes, mode_t mode) {
  const std::string fresh = path + ".new";
  ::unlink(fresh.c_str());  // of one that was killed
  write_new(fresh, bytes, mode, static_cast<uid_t>(-1), static_cast<gid_t>(-1));
  if (::rename(fresh.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(fresh.c_str());
    fail(path, std::strerror(error));
  }
  sync_folder_of(path);
}

}  // namespace veilwire::host
