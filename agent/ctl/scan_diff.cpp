#include "agent/ctl/scan_diff.h"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace veilwire::ctl {
namespace {

// Paths are at most 4 KiB; quoted, each byte may take four.
constexpr std::size_t kLongestHeader = 32 * 1024;
constexpr std::string_view kNoFile = "/dev/null";

// "N" or "N,COUNT" at the start of `text`, which goes on behind it.
struct Range {
  std::uint64_t first = 0, count = 1;
};
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}
std::optional<Range> take_range(std::string_view& text, std::string_view before) {
  if (!text.starts_with(before)) return std::nullopt;
  text.remove_prefix(before.size());
  Range range;
  const auto first = take_number(text);
  if (!first) return std::nullopt;
  range.first = *first;
  if (!text.starts_with(',')) return range;
  text.remove_prefix(1);
  const auto count = take_number(text);
  if (!count) return std::nullopt;
  range.count = *count;
  return range;
}

// A name as it stands behind "+++ ": in quotes with C's escapes (git's core.quotePath), or up to a
// tab, behind which diff writes a time.
std::string name_in(std::string_view text) {
  if (!text.starts_with('"')) return std::string(text.substr(0, text.find('\t')));
  std::string name;
  for (std::size_t i = 1; i < text.size() && text[i] != '"'; ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      name += text[i];
      continue;
    }
    const char c = text[++i];
    if (c >= '0' && c <= '3' && i + 2 < text.size()) {
      name += static_cast<char>((c - '0') * 64 + (text[i + 1] - '0') * 8 + (text[i + 2] - '0'));
      i += 2;
      continue;
    }
    constexpr std::string_view kLetters = "abtnvfr", kMeanings = "\a\b\t\n\v\f\r";
    const std::size_t letter = kLetters.find(c);
    name += letter == std::string_view::npos ? c : kMeanings[letter];
  }
  return name;
}

bool has_prefix(std::string_view name) {
  return name.size() > 2 && name[1] == '/' &&
         std::string_view("abciow").find(name[0]) != std::string_view::npos;
}

}  // namespace

std::optional<std::string> DiffReader::feed(std::string_view piece) {
  while (!piece.empty()) {
    if (state_ == Line::Start) {
      ++line_;
      if (auto error = start_line(piece.front())) return error;
      // The mark of a line in a hunk is no part of its text.
      if (state_ == Line::Added || (state_ == Line::Other && piece.front() != '\n'))
        piece.remove_prefix(1);
    }
    const std::size_t end = piece.find('\n');
    const std::size_t taken = end == std::string_view::npos ? piece.size() : end + 1;
    if (state_ == Line::Added)
      events_.added(piece.substr(0, taken));
    else if (state_ == Line::Header)
      header_ +=
          piece.substr(0, std::min(end, kLongestHeader - std::min(kLongestHeader, header_.size())));
    piece.remove_prefix(taken);
    if (end == std::string_view::npos) continue;
    if (auto error = end_line()) return error;
  }
  return std::nullopt;
}

std::optional<std::string> DiffReader::finish() {
  if (state_ != Line::Start)
    if (auto error = end_line()) return error;
  end_added();
  if (in_hunk()) return "the diff ends within a hunk";
  if (line_ != 0 && !is_diff_) return "this is no unified diff (is it coloured?)";
  return std::nullopt;
}

std::optional<std::string> DiffReader::start_line(char first) {
  // Behind the last line of a hunk, too: "\ No newline at end of file".
  if (first == '\\') {
    state_ = Line::Other;
    return std::nullopt;
  }
  if (!in_hunk()) {
    state_ = Line::Header;
    header_.clear();
    return std::nullopt;
  }
  state_ = Line::Other;
  if (first == '+' && new_left_ != 0) {
    state_ = Line::Added;
    --new_left_;
    if (!adding_) events_.added_begin(path_, next_);
    adding_ = true;
    ++next_;
  } else if (first == '-' && old_left_ != 0) {
    --old_left_;
  } else if ((first == ' ' || first == '\n') && old_left_ != 0 && new_left_ != 0) {
    end_added();
    --old_left_;
    --new_left_;
    ++next_;
  } else {
    return "is no part of the hunk that it stands in";
  }
  return std::nullopt;
}

std::optional<std::string> DiffReader::end_line() {
  const bool is_header = state_ == Line::Header;
  state_ = Line::Start;
  return is_header ? header() : std::nullopt;
}

std::optional<std::string> DiffReader::header() {
  end_added();
  if (header_.ends_with('\r')) header_.pop_back();
  const std::string_view text = header_;
  if (text.starts_with("@@@")) return "is of a combined diff, which cannot be read";
  if (text.starts_with("@@ ")) return hunk_header();
  if (text.starts_with("diff ")) is_diff_ = true;
  if (text.starts_with("--- ")) old_name_ = name_in(text.substr(4));
  if (text.starts_with("+++ ")) new_file();
  if (text.starts_with("Binary files ") || text == "GIT binary patch") events_.binary();
  return std::nullopt;
}

// git's prefixes differ on the two sides; without prefixes the names are the same.
void DiffReader::new_file() {
  is_diff_ = true;
  path_ = name_in(std::string_view(header_).substr(4));
  const bool prefixed = has_prefix(path_) && (old_name_ == kNoFile ||
                                              (has_prefix(old_name_) && old_name_[0] != path_[0]));
  if (prefixed) path_.erase(0, 2);
}

std::optional<std::string> DiffReader::hunk_header() {
  std::string_view text = header_;
  const auto old_range = take_range(text, "@@ -");
  const auto new_range = old_range ? take_range(text, " +") : std::nullopt;
  if (!new_range || !text.starts_with(" @@") || path_.empty())
    return "is no head of a hunk that can be read";
  old_left_ = old_range->count;
  new_left_ = new_range->count;
  next_ = new_range->first;
  return std::nullopt;
}

void DiffReader::end_added() {
  if (adding_) events_.added_end();
  adding_ = false;
}

}  // namespace veilwire::ctl
