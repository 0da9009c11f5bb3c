// Reads unified diffs, as git writes them, for what they add: of which file, from which line on.
// Lines may be cut anywhere; only headers are kept, and those are bounded. Tested by
// tests/unit/ctl/scan_diff_test.cpp over every split.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::ctl {

class DiffEvents {
 public:
  DiffEvents() = default;
  DiffEvents(const DiffEvents&) = delete;
  DiffEvents& operator=(const DiffEvents&) = delete;
  virtual ~DiffEvents() = default;

  // Added lines that stand together in the new file, from this line of it (from 1) on. `path` is
  // without git's "b/".
  virtual void added_begin(const std::string& path, std::uint64_t line) = 0;
  virtual void added(std::string_view text) = 0;  // in pieces, line feeds included
  virtual void added_end() = 0;
  // A change of a binary file: there is no text to read.
  virtual void binary() = 0;
};

class DiffReader {
 public:
  explicit DiffReader(DiffEvents& events) : events_(events) {}

  // The error says what is wrong with line(). Nothing more can be read after it.
  std::optional<std::string> feed(std::string_view piece);
  // An error, too, where something was read that is no diff at all.
  std::optional<std::string> finish();

  std::uint64_t line() const { return line_; }  // of the diff, from 1

 private:
  enum class Line : std::uint8_t { Start, Header, Added, Other };

  std::optional<std::string> start_line(char first);
  std::optional<std::string> end_line();
  std::optional<std::string> header();
  std::optional<std::string> hunk_header();
  void new_file();
  void end_added();
  bool in_hunk() const { return old_left_ != 0 || new_left_ != 0; }

  DiffEvents& events_;
  Line state_ = Line::Start;
  std::string header_;                         // what is read of a line outside of hunks
  std::string old_name_;                       // as "---" gives it
  std::string path_;                           // of the new file
  std::uint64_t old_left_ = 0, new_left_ = 0;  // lines of the hunk still to come
  std::uint64_t next_ = 0;                     // the new file's next line
  std::uint64_t line_ = 0;
  bool adding_ = false;
  bool is_diff_ = false;  // a header has been seen
};

}  // namespace veilwire::ctl
