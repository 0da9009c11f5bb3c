#include "agent/identity/session_store.h"

#include "agent/host/unique_fd.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace veilwire::agent_identity {
namespace {

constexpr std::string_view kAbout = "veilwire-identity sessions 1";
// The table's own bound is below; a larger file is not ours.
constexpr std::size_t kMostFile = std::size_t{96} * 1024 * 1024;

[[noreturn]] void fail(const std::string& path, const std::string& why) {
  throw std::runtime_error(path + ": " + why);
}
[[noreturn]] void fail(const std::string& path, int error) {
  fail(path, std::generic_category().message(error));
}

// 0 or an errno value.
int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return 0;
}

int read_all(int fd, std::size_t most, std::string& out) {
  std::array<char, 16 * 1024> piece{};
  while (true) {
    const ssize_t n = ::read(fd, piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) return 0;
    if (out.size() + static_cast<std::size_t>(n) > most) return EFBIG;
    out.append(piece.data(), static_cast<std::size_t>(n));
  }
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

// Whole under its name, or not there: a half one would be another file or another key after a
// crash.
int put(const std::string& path, std::string_view bytes) {
  const std::string fresh = path + ".new";
  ::unlink(fresh.c_str());
  const host::UniqueFd fd(
      ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return errno;
  if (const int error = write_all(fd.get(), bytes)) return error;
  if (::fsync(fd.get()) != 0 || ::rename(fresh.c_str(), path.c_str()) != 0) return errno;
  const host::UniqueFd folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return folder && ::fsync(folder.get()) == 0 ? 0 : errno;
}

}  // namespace

crypto::Sealer sealer_of(const std::string& key_file, const crypto::RandomSource& random) {
  host::UniqueFd fd(::open(key_file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) {
    const Secret made(crypto::random_bytes(random, crypto::kSealerKey));
    if (const int error = put(key_file, made.reveal())) fail(key_file, error);
    fd.reset(::open(key_file.c_str(), O_RDONLY | O_CLOEXEC));
  }
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) fail(key_file, errno);
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    fail(key_file, "others may read it, and so the tokens of everybody; use mode 0600");
  std::string bytes;
  if (const int error = read_all(fd.get(), 2 * crypto::kSealerKey, bytes)) fail(key_file, error);
  auto sealer = crypto::Sealer::make(Secret(std::move(bytes)));
  if (!sealer)
    fail(key_file, "must be " + std::to_string(crypto::kSealerKey) +
                       " bytes; remove it for a new one, with which everybody signs in anew");
  return *std::move(sealer);
}

SessionStore::SessionStore(std::string file, const crypto::Sealer& sealer,
                           crypto::RandomSource random)
    : file_(std::move(file)), sealer_(sealer), random_(std::move(random)) {}

SessionStore::Loaded SessionStore::load() const {
  const host::UniqueFd fd(::open(file_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd && errno == ENOENT) return {};
  std::string bytes;
  const int error = fd ? read_all(fd.get(), kMostFile, bytes) : errno;
  if (error != 0) return {std::nullopt, std::generic_category().message(error)};
  auto opened = sealer_.open(bytes, kAbout);
  if (!opened)
    return {std::nullopt,
            "it has been changed, or belongs to another key than the one that is here"};
  return {std::move(opened), ""};
}

int SessionStore::save(std::string_view bytes) const {
  return put(file_, sealer_.seal(bytes, kAbout, random_));
}

}  // namespace veilwire::agent_identity
