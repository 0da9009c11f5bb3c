#include "agent/ctl/scan_input.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace veilwire::ctl {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPiece = 64 * 1024;
// Where git and grep look for a zero byte.
constexpr std::size_t kLookedAt = 8000;
// Random cuts are small, so that they fall into tokens.
constexpr std::uint64_t kLargestRandom = 64;
constexpr std::string_view kRandom = "random";

std::string message_of(int error) { return std::generic_category().message(error); }

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<Chunks> Chunks::parse(std::string_view text, std::uint64_t new_seed) {
  Chunks chunks;
  if (text.starts_with(kRandom)) {
    text.remove_prefix(kRandom.size());
    chunks.seed_ = new_seed;
    if (!text.empty()) {
      if (text.front() != ':') return std::nullopt;
      chunks.seed_ = number_in(text.substr(1));
    }
    if (!chunks.seed_) return std::nullopt;
    chunks.random_.seed(*chunks.seed_);
    return chunks;
  }
  const auto size = number_in(text);
  if (!size || *size == 0) return std::nullopt;
  chunks.size_ = *size;
  return chunks;
}

void Chunks::cut(std::string_view text, const std::function<void(std::string_view)>& piece) {
  while (!text.empty()) {
    std::uint64_t size = text.size();
    if (seed_)
      size = 1 + random_() % kLargestRandom;
    else if (size_ != 0)
      size = size_;
    const std::string_view part = text.substr(0, size);
    piece(part);
    text.remove_prefix(part.size());
  }
}

std::string Chunks::to_string() const {
  if (seed_) return std::string(kRandom) + ":" + std::to_string(*seed_);
  return std::to_string(size_);
}

void each_file(const std::string& folder, const std::function<void(const std::string&)>& file,
               const std::function<void(const std::string& path, const std::string& why,
                                        bool error)>& left_out) {
  std::error_code error;
  std::vector<fs::directory_entry> entries;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    entries.push_back(*at);
  if (error) left_out(folder, error.message(), true);
  std::sort(entries.begin(), entries.end());
  for (const fs::directory_entry& entry : entries) {
    const std::string path = entry.path().string();
    const fs::file_status status = entry.symlink_status(error);
    if (error)
      left_out(path, error.message(), true);
    else if (status.type() == fs::file_type::directory) {
      if (entry.path().filename() != ".git") each_file(path, file, left_out);
    } else if (status.type() == fs::file_type::regular) {
      file(path);
    } else if (status.type() != fs::file_type::symlink) {
      left_out(path, "not searched: no regular file", false);
    }
  }
}

ScanInput::ScanInput(int fd, bool owned, bool regular)
    : fd_(fd), owned_(owned), regular_(regular), buffer_(kPiece, '\0') {}

ScanInput::ScanInput(ScanInput&& other) noexcept
    : fd_(other.fd_),
      owned_(std::exchange(other.owned_, false)),
      regular_(other.regular_),
      buffer_(std::move(other.buffer_)),
      filled_(other.filled_) {}

ScanInput::~ScanInput() {
  if (owned_) ::close(fd_);
}

Result<ScanInput, std::string> ScanInput::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return Unexpected{message_of(errno)};
  struct stat status {};
  const bool regular = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  ScanInput input(fd, true, regular);
  if (S_ISDIR(status.st_mode)) return Unexpected{message_of(EISDIR)};
  return input;
}

ScanInput ScanInput::standard_input() { return {STDIN_FILENO, false, false}; }

std::string ScanInput::why_binary() {
  if (!regular_) return {};
  auto first = read();
  if (!first) return {};  // the next read says it, too
  filled_ = first->size();
  const std::string_view looked_at = first->substr(0, kLookedAt);
  // Most of UTF-16 is zero bytes; that it is text is worth saying.
  if (looked_at.starts_with("\xff\xfe") || looked_at.starts_with("\xfe\xff")) return "UTF-16 text";
  return looked_at.find('\0') == std::string_view::npos ? "" : "binary";
}

Result<std::string_view, std::string> ScanInput::read() {
  if (filled_ != 0) return std::string_view(buffer_).substr(0, std::exchange(filled_, 0));
  while (true) {
    const ssize_t n = ::read(fd_, buffer_.data(), buffer_.size());
    if (n >= 0) return std::string_view(buffer_).substr(0, static_cast<std::size_t>(n));
    if (errno != EINTR) return Unexpected{message_of(errno)};
  }
}

}  // namespace veilwire::ctl
