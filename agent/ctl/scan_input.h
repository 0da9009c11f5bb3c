// Where `veilwire scan` reads: files, folders and standard input, in pieces. Tested by
// tests/unit/ctl/scan_input_test.cpp.
#pragma once

#include "userspace/base/result.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>

namespace veilwire::ctl {

// How a text is cut before the masking engine sees it. Whatever the cuts, the masked text must be
// the same; an own text is the best test of that.
class Chunks {
 public:
  Chunks() = default;  // as it is read
  // "N" bytes each, "random" or "random:SEED"; nullopt for anything else. `new_seed` is used where
  // none is given.
  static std::optional<Chunks> parse(std::string_view text, std::uint64_t new_seed);

  void cut(std::string_view text, const std::function<void(std::string_view)>& piece);
  std::string to_string() const;  // what parse() takes to cut in the same way again

 private:
  std::uint64_t size_ = 0;  // 0: not cut, or at random
  std::optional<std::uint64_t> seed_;
  std::mt19937_64 random_;
};

// Every file below a folder, in order of their names: regular files only, no symbolic links
// followed, nothing in a folder named ".git". What is left out or cannot be read is told.
void each_file(const std::string& folder, const std::function<void(const std::string&)>& file,
               const std::function<void(const std::string& path, const std::string& why,
                                        bool error)>& left_out);

// An open file, or standard input. Errors are one line, without the path.
class ScanInput {
 public:
  static Result<ScanInput, std::string> open(const std::string& path);
  static ScanInput standard_input();
  ScanInput(ScanInput&& other) noexcept;
  ScanInput(const ScanInput&) = delete;
  ScanInput& operator=(const ScanInput&) = delete;
  ScanInput& operator=(ScanInput&&) = delete;
  ~ScanInput();

  // Why this is no text, judged by its first bytes; empty: it is, or it is no regular file.
  std::string why_binary();
  // What there is, at most 64 KiB, valid until the next call; empty at the end.
  Result<std::string_view, std::string> read();

 private:
  ScanInput(int fd, bool owned, bool regular);
  int fd_ = -1;
  bool owned_ = false, regular_ = false;
  std::string buffer_;
  std::size_t filled_ = 0;  // bytes read and not yet given
};

}  // namespace veilwire::ctl
