#include "agent/ctl/zstd_file.h"

#include "agent/host/unique_fd.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

namespace veilwire::ctl {
namespace {

constexpr std::uint32_t kMagic = ZSTD_MAGICNUMBER;
// zstd asks for no more unless it was told to (--long): a file from elsewhere does not get more.
constexpr int kMostWindowLog = 27;

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw std::runtime_error(path + ": " + what);
}
[[noreturn]] void fail_errno(const std::string& path) { fail(path, std::strerror(errno)); }

struct FreeStream {
  void operator()(ZSTD_CCtx* stream) const { ZSTD_freeCCtx(stream); }
  void operator()(ZSTD_DCtx* stream) const { ZSTD_freeDCtx(stream); }
};

}  // namespace

struct LineWriter::State {
  std::string path;
  host::UniqueFd own;
  int fd = -1;
  std::unique_ptr<ZSTD_CCtx, FreeStream> zstd;
  std::vector<char> out;
  bool finished = false;

  void put(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail_errno(path);
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  void feed(std::string_view bytes, ZSTD_EndDirective how) {
    if (!zstd) return put(bytes);
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    std::size_t left = 0;
    do {
      ZSTD_outBuffer piece{out.data(), out.size(), 0};
      left = ZSTD_compressStream2(zstd.get(), &piece, &in, how);
      if (ZSTD_isError(left) != 0) fail(path, ZSTD_getErrorName(left));
      put({out.data(), piece.pos});
    } while (in.pos < in.size || (how == ZSTD_e_end && left != 0));
  }
};

LineWriter::LineWriter(const std::string& path) : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.path = path;
  if (path == "-") {
    s.fd = STDOUT_FILENO;
    return;
  }
  s.own = host::UniqueFd(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!s.own) fail_errno(path);
  s.fd = s.own.get();
  if (!path.ends_with(".zst")) return;
  s.zstd.reset(ZSTD_createCCtx());
  if (!s.zstd) throw std::bad_alloc();
  (void)ZSTD_CCtx_setParameter(s.zstd.get(), ZSTD_c_checksumFlag, 1);
  s.out.resize(ZSTD_CStreamOutSize());
}

LineWriter::~LineWriter() {
  if (state_->own && !state_->finished) ::unlink(state_->path.c_str());
}

void LineWriter::line(std::string_view text) {
  state_->feed(text, ZSTD_e_continue);
  state_->feed("\n", ZSTD_e_continue);
}

void LineWriter::finish() {
  State& s = *state_;
  s.feed("", ZSTD_e_end);
  if (s.own && ::fsync(s.own.get()) != 0) fail_errno(s.path);
  s.finished = true;
}

struct LineReader::State {
  std::string path;
  std::size_t longest = 0;
  host::UniqueFd fd;
  std::unique_ptr<ZSTD_DCtx, FreeStream> zstd;
  std::vector<char> in, out;
  ZSTD_inBuffer packed{};
  std::string text;       // not yet given
  std::size_t given = 0;  // of it
  bool first = true, ended = false, in_frame = false;

  void read();
  void unpack();
};

LineReader::LineReader(const std::string& path, std::size_t longest)
    : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.path = path;
  s.longest = longest;
  s.fd = host::UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!s.fd) fail_errno(path);
  s.in.resize(ZSTD_DStreamInSize());
  s.out.resize(ZSTD_DStreamOutSize());
}

LineReader::~LineReader() = default;

void LineReader::State::read() {
  // The magic number has to be seen whole.
  std::size_t size = 0;
  do {
    const ssize_t n = ::read(fd.get(), in.data() + size, in.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_errno(path);
    if (n == 0) ended = true;
    size += static_cast<std::size_t>(n);
  } while (first && !ended && size < sizeof kMagic);
  if (first) {
    std::uint32_t magic = 0;
    if (size >= sizeof magic) std::memcpy(&magic, in.data(), sizeof magic);
    if (magic == kMagic) {
      zstd.reset(ZSTD_createDCtx());
      if (!zstd) throw std::bad_alloc();
      (void)ZSTD_DCtx_setParameter(zstd.get(), ZSTD_d_windowLogMax, kMostWindowLog);
    }
    first = false;
  }
  packed = {in.data(), size, 0};
}

void LineReader::State::unpack() {
  if (packed.pos == packed.size) read();
  if (!zstd) {
    text.append(in.data(), packed.size);
    packed.pos = packed.size;
    return;
  }
  if (packed.pos == packed.size) {
    if (in_frame) fail(path, "ends too early");
    return;
  }
  ZSTD_outBuffer piece{out.data(), out.size(), 0};
  const std::size_t left = ZSTD_decompressStream(zstd.get(), &piece, &packed);
  if (ZSTD_isError(left) != 0) fail(path, ZSTD_getErrorName(left));
  in_frame = left != 0;
  text.append(out.data(), piece.pos);
}

std::optional<std::string> LineReader::line() {
  State& s = *state_;
  std::size_t searched = s.given;
  for (;;) {
    const std::size_t end = s.text.find('\n', searched);
    if (end != s.text.npos) {
      std::string line = s.text.substr(s.given, end - s.given);
      s.given = end + 1;
      return line;
    }
    s.text.erase(0, s.given);
    s.given = 0;
    searched = s.text.size();
    if (s.text.size() > s.longest) fail(s.path, "has a line that is too long");
    if (s.ended && s.packed.pos == s.packed.size) {
      if (s.in_frame) fail(s.path, "ends too early");
      if (s.text.empty()) return std::nullopt;
      return std::exchange(s.text, {});
    }
    s.unpack();
  }
}

}  // namespace veilwire::ctl
