#include "agent/setup/disk.h"

#include "agent/host/key_files.h"
#include "agent/host/unique_fd.h"
#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace veilwire::setup {
namespace {

// The bundle of a trust store has a quarter of a MB.
constexpr std::size_t kLargest = 64 * 1024 * 1024;
constexpr mode_t kModeBits = 07777;

[[noreturn]] void fail_errno(const std::string& path) {
  throw std::runtime_error(path + ": " + std::strerror(errno));
}

// Beside the file, so that renaming stays within one file system. The name is fixed: what a dead
// run has left is found again.
std::string unfinished(const std::string& path) { return path + ".veilwire-setup"; }

std::string target_of(const std::string& path) {
  std::string target(4096, '\0');
  const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
  if (size < 0) fail_errno(path);
  target.resize(static_cast<std::size_t>(size));
  return target;
}

}  // namespace

PathState file_state(std::string_view bytes, mode_t mode, uid_t uid, gid_t gid) {
  return {PathState::Kind::File, mode, uid, gid, crypto::hex_encode(crypto::sha256(bytes))};
}

PathState folder_state(mode_t mode, uid_t uid, gid_t gid) {
  return {PathState::Kind::Folder, mode, uid, gid, {}};
}

PathState look(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return {};
    fail_errno(path);
  }
  PathState state{
      PathState::Kind::Other, status.st_mode & kModeBits, status.st_uid, status.st_gid, {}};
  if (S_ISREG(status.st_mode)) {
    state.kind = PathState::Kind::File;
    state.content = crypto::hex_encode(crypto::sha256(read_file(path).reveal()));
  } else if (S_ISLNK(status.st_mode)) {
    state.kind = PathState::Kind::Link;
    state.content = target_of(path);
  } else if (S_ISDIR(status.st_mode)) {
    state.kind = PathState::Kind::Folder;
  }
  return state;
}

Secret read_file(const std::string& path) {
  const host::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) fail_errno(path);
  if (!S_ISREG(status.st_mode)) throw std::runtime_error(path + ": is not a regular file");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > kLargest) throw std::runtime_error(path + ": is too large");
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
  return Secret(std::move(bytes));
}

bool exists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

Disk::Disk(std::function<void()> before_change) : before_change_(std::move(before_change)) {}

void Disk::changing() const {
  if (before_change_) before_change_();
}

void Disk::put_file(const std::string& path, std::string_view bytes, mode_t mode, uid_t uid,
                    gid_t gid) {
  remove_unfinished(path);
  const std::string fresh = unfinished(path);
  changing();
  const host::UniqueFd fd(::open(
      fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!fd) fail_errno(fresh);
  append(fd.get(), bytes, fresh);
  changing();
  if (::fchown(fd.get(), uid, gid) != 0 || ::fchmod(fd.get(), mode) != 0 || ::fsync(fd.get()) != 0)
    fail_errno(fresh);
  changing();
  if (::rename(fresh.c_str(), path.c_str()) != 0) fail_errno(path);
  host::sync_folder_of(path);
}

void Disk::put_link(const std::string& path, const std::string& target, uid_t uid, gid_t gid) {
  remove_unfinished(path);
  const std::string fresh = unfinished(path);
  changing();
  if (::symlink(target.c_str(), fresh.c_str()) != 0 || ::lchown(fresh.c_str(), uid, gid) != 0)
    fail_errno(fresh);
  changing();
  if (::rename(fresh.c_str(), path.c_str()) != 0) fail_errno(path);
  host::sync_folder_of(path);
}

void Disk::put_folder(const std::string& path, mode_t mode, uid_t uid, gid_t gid) {
  changing();
  if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) fail_errno(path);
  changing();
  const host::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd || ::fchown(fd.get(), uid, gid) != 0 || ::fchmod(fd.get(), mode) != 0 ||
      ::fsync(fd.get()) != 0)
    fail_errno(path);
  host::sync_folder_of(path);
}

void Disk::remove_file(const std::string& path) {
  changing();
  if (::unlink(path.c_str()) != 0) {
    if (errno == ENOENT) return;
    fail_errno(path);
  }
  host::sync_folder_of(path);
}

bool Disk::remove_folder(const std::string& path) {
  changing();
  if (::rmdir(path.c_str()) != 0) {
    if (errno == ENOTEMPTY || errno == EEXIST || errno == EBUSY) return false;
    if (errno == ENOENT) return true;
    fail_errno(path);
  }
  host::sync_folder_of(path);
  return true;
}

std::string Disk::set_aside(const std::string& path) {
  std::string aside = path + ".kept";
  for (int i = 2; exists(aside); ++i) aside = path + ".kept" + std::to_string(i);
  changing();
  if (::rename(path.c_str(), aside.c_str()) != 0) fail_errno(path);
  host::sync_folder_of(path);
  return aside;
}

void Disk::remove_unfinished(const std::string& path) {
  const std::string fresh = unfinished(path);
  if (!exists(fresh)) return;
  remove_file(fresh);
}

void Disk::append(int fd, std::string_view bytes, const std::string& path) {
  changing();
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_errno(path);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace veilwire::setup
