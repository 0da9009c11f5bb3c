#include "agent/ctl/scan_excerpt.h"

#include "agent/ctl/audit_text.h"

#include <algorithm>
#include <utility>

namespace veilwire::ctl {
namespace {

// Bytes of the line on each side of a mask.
constexpr std::size_t kAround = 40;
constexpr std::string_view kEllipsis = "…";

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; }

// As much of the text's beginning as fits, not ending inside a character.
std::string_view first_of(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && continues_character(text[most])) --most;
  return text.substr(0, most);
}

// A text whose beginning was cut off, from its first whole character on.
std::string_view whole_characters(std::string_view text) {
  while (!text.empty() && continues_character(text.front())) text.remove_prefix(1);
  return text;
}

}  // namespace

void ScanExcerpts::released(std::string_view text) {
  // Long texts without findings are the usual case: only the last line matters.
  if (waiting_.empty()) {
    if (const std::size_t last = text.rfind('\n'); last != std::string_view::npos) {
      end_line();
      text.remove_prefix(last + 1);
    }
    append(text);
    return;
  }
  const std::size_t end = text.find('\n');
  append(text.substr(0, end));
  if (end == std::string_view::npos) return;
  end_line();
  released(text.substr(end + 1));
}

void ScanExcerpts::masked(std::string_view replacement) {
  std::string excerpt = before_;
  if (cut_) excerpt = std::string(kEllipsis) + std::string(whole_characters(before_));
  append(replacement);
  excerpt += replacement;
  waiting_.push_back({std::move(excerpt), {}, false, std::nullopt});
}

void ScanExcerpts::found(const Sighting& sighting) {
  waiting_.back().sighting = sighting;
  report();
}

void ScanExcerpts::finish() { end_line(); }

void ScanExcerpts::append(std::string_view text) {
  for (Waiting& waiting : waiting_) {
    if (waiting.whole) continue;
    waiting.after += text.substr(0, kAround + 1 - waiting.after.size());
    waiting.whole = waiting.after.size() > kAround;
  }
  report();
  cut_ = cut_ || before_.size() + text.size() > kAround;
  before_ += text.substr(text.size() - std::min(text.size(), kAround));
  before_.erase(0, before_.size() - std::min(before_.size(), kAround));
}

void ScanExcerpts::end_line() {
  for (Waiting& waiting : waiting_) waiting.whole = true;
  report();
  before_.clear();
  cut_ = false;
}

// In the order of the text, each once nothing of it is missing.
void ScanExcerpts::report() {
  while (!waiting_.empty() && waiting_.front().whole && waiting_.front().sighting) {
    const Waiting& first = waiting_.front();
    std::string excerpt = first.excerpt;
    excerpt += first_of(first.after, kAround);
    if (first.after.size() > kAround) excerpt += kEllipsis;
    found_(*first.sighting, visible_line(excerpt));
    waiting_.pop_front();
  }
}

}  // namespace veilwire::ctl
