#include "agent/credentials/secret_file.h"

#include "agent/host/protocol/credentials.h"
#include "agent/host/unique_fd.h"
#include "userspace/base/limits.h"

#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace veilwire::credentials {
namespace {

Unexpected<std::string> system_error() {
  return Unexpected{std::generic_category().message(errno)};
}

// The rules of trusted_file.h, and nobody but its owner's group may read it; of the descriptor's
// own state, so that nothing comes between a check and a use.
std::optional<std::string> distrust(const struct stat& status) {
  if (!S_ISREG(status.st_mode)) return "is not a regular file";
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return "writable by group or others, who could put their own in its place; use mode 0400";
  if (status.st_uid != 0 && status.st_uid != ::geteuid())
    return "belongs to uid " + std::to_string(status.st_uid) + ", who could change it";
  if ((status.st_mode & S_IROTH) != 0) return "can be read by everybody; use mode 0400 or 0440";
  if ((status.st_mode & S_IRGRP) != 0 && status.st_gid != 0 && status.st_gid != ::getegid())
    return "can be read by the group " + std::to_string(status.st_gid) +
           ", which is not this program's; use mode 0400";
  return std::nullopt;
}

}  // namespace

Result<Secret, std::string> as_credential(Secret text) {
  std::string_view value = text.reveal();
  if (value.ends_with('\n')) value.remove_suffix(1);
  if (value.ends_with('\r')) value.remove_suffix(1);
  if (value.empty()) return Unexpected<std::string>{"is empty"};
  if (!host::protocol::is_credential_value(value))
    return Unexpected<std::string>{
        "is no credential: one line of printable ASCII, without white space around it, of " +
        std::to_string(limits::kCredential) + " bytes at most"};
  return Secret(std::string(value));
}

Result<Secret, std::string> read_secret_file(const std::string& path) {
  const host::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return system_error();
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return system_error();
  if (auto why = distrust(status)) return Unexpected{*std::move(why)};
  // One byte more than it may have, line end included.
  std::string bytes(limits::kCredential + 3, '\0');
  std::size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t n = ::read(fd.get(), bytes.data() + size, bytes.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int error = errno;
      wipe(bytes.data(), bytes.size());
      errno = error;
      return system_error();
    }
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  bytes.resize(size);
  return as_credential(Secret(std::move(bytes)));
}

std::optional<std::string> systemd_credential_path(const std::string& name) {
  const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
  if (folder == nullptr) return std::nullopt;
  return std::string(folder) + "/" + name;
}

Result<Fetched, std::string> FileSource::fetch() const {
  auto value = read_secret_file(path_);
  if (!value) return Unexpected<std::string>{"its file: " + value.error()};
  return Fetched{.value = *std::move(value)};
}

}  // namespace veilwire::credentials
