// A file of lines that is zstd or plain: written as its name ends, read as it begins. Tested by
// tests/unit/ctl/zstd_file_test.cpp.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::ctl {

// Throws std::runtime_error, which names the file. Never overwrites one; what is not finished is
// removed.
class LineWriter {
 public:
  // path: "-" is standard output; a name that ends in ".zst" is compressed. mode 0600.
  explicit LineWriter(const std::string& path);
  ~LineWriter();
  void line(std::string_view text);  // adds the line end
  void finish();                     // returns once it is on disk

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class LineReader {
 public:
  // longest: of a line, in bytes; a file with a longer one is refused.
  LineReader(const std::string& path, std::size_t longest);
  ~LineReader();
  std::optional<std::string> line();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace veilwire::ctl
