#include "agent/ctl/passphrase.h"

#include "agent/host/unique_fd.h"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

namespace veilwire::ctl {
namespace {

// A key of RSA 8192 has 6 kB.
constexpr std::size_t kLargestSecret = std::size_t{64} * 1024;

Unexpected<std::string> failure(const std::string& path) {
  return {path + ": " + std::strerror(errno)};
}

// Until the end, or the end of the line. false: it cannot be read, or is too long.
bool read_into(int fd, bool line, SecretBuilder& out) {
  char one[512];
  for (;;) {
    const ssize_t n = ::read(fd, one, line ? 1 : sizeof one);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    if (n == 0 || (line && one[0] == '\n')) break;
    out.append({one, static_cast<std::size_t>(n)});
    if (out.size() > kLargestSecret) {
      errno = EFBIG;
      wipe(one, sizeof one);
      return false;
    }
  }
  wipe(one, sizeof one);
  return true;
}

// Nothing that is typed shows, until it goes.
class NoEcho {
 public:
  explicit NoEcho(int fd) : fd_(fd) {
    if (::tcgetattr(fd_, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = ::tcsetattr(fd_, TCSAFLUSH, &quiet) == 0;
  }
  ~NoEcho() {
    if (changed_) ::tcsetattr(fd_, TCSAFLUSH, &before_);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;

 private:
  int fd_;
  termios before_{};
  bool changed_ = false;
};

}  // namespace

Result<Secret, std::string> read_secret_file(const std::string& path) {
  const host::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  SecretBuilder bytes;
  if (!fd || !read_into(fd.get(), false, bytes)) return failure(path);
  return bytes.take();
}

Result<Secret, std::string> read_passphrase_file(const std::string& path) {
  const host::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  SecretBuilder line;
  if (!fd || !read_into(fd.get(), true, line)) return failure(path);
  return line.take();
}

Result<Secret, std::string> ask_passphrase(const std::string& question) {
  const host::UniqueFd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC));
  if (!terminal)
    return Unexpected{std::string(
        "there is no terminal to ask for the passphrase of the key; use --passphrase-file")};
  const NoEcho quiet(terminal.get());
  const auto say = [&](std::string_view text) {
    (void)!::write(terminal.get(), text.data(), text.size());
  };
  say(question);
  SecretBuilder line;
  const bool read = read_into(terminal.get(), true, line);
  say("\n");
  if (!read) return failure("the terminal");
  return line.take();
}

}  // namespace veilwire::ctl
