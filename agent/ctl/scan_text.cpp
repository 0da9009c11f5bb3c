#include "agent/ctl/scan_text.h"

#include <algorithm>
#include <utility>

namespace veilwire::ctl {
namespace {

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }

}  // namespace

ScanText::ScanText(std::shared_ptr<const masking::Engine> engine, ScanOutput& output, bool locate)
    : masker_(std::move(engine)), output_(output), locate_(locate) {}

void ScanText::feed(std::string_view piece) {
  held_ += piece;
  masker_.feed(piece, edits_);
  settle();
}

void ScanText::finish() {
  masker_.finish(edits_);
  settle();
}

void ScanText::restart(Place start) {
  masker_.restart();
  edits_.clear();
  held_.clear();
  place_ = start;
  is_open_ = false;
}

// Findings that no edit names say that the open one has ended with what was covered before.
void ScanText::settle() {
  std::string_view rest = held_;
  std::size_t told = 0;
  const auto tell_closed = [&](std::size_t before) {
    for (; told < std::min(before, edits_.findings.size()); ++told) close(edits_.findings[told]);
  };
  for (const masking::Edit& edit : edits_.list) {
    const std::string_view covered = rest.substr(0, edit.consumed);
    rest.remove_prefix(covered.size());
    if (!edit.replaced) {
      // What closes without an edit of its own stands before whatever is released behind it.
      if (is_open_) tell_closed(told + 1);
      output_.released(covered);
      advance(covered);
      continue;
    }
    if (edit.finding == SIZE_MAX) {  // an open finding goes on, or what it shares a unit with
      if (!edit.replacement.empty()) {
        if (is_open_) tell_closed(told + 1);
        output_.released(edit.replacement);
      }
      advance(covered);
      continue;
    }
    tell_closed(edit.finding);
    const masking::Finding& finding = edits_.findings[told++];
    if (finding.closes) {
      advance(covered);
      close(finding);
      continue;
    }
    open_ = {finding, place_, place_};
    is_open_ = true;
    output_.masked(edit.replacement);
    advance(covered);
    if (!finding.open) close(finding);
  }
  tell_closed(edits_.findings.size());
  held_.erase(0, held_.size() - rest.size());
  edits_.clear();
}

void ScanText::close(const masking::Finding& finding) {
  if (!is_open_) return;
  is_open_ = false;
  open_.finding = finding;
  open_.finding.offset = open_.begin.offset;
  open_.finding.length = place_.offset - open_.begin.offset;
  open_.end = place_;
  output_.found(open_);
}

void ScanText::advance(std::string_view text) {
  place_.offset += text.size();
  if (!locate_) return;
  if (const std::size_t last = text.rfind('\n'); last != std::string_view::npos) {
    place_.line += static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
    place_.column = 1;
    text.remove_prefix(last + 1);
  }
  place_.column +=
      static_cast<std::uint64_t>(std::count_if(text.begin(), text.end(), begins_character));
}

}  // namespace veilwire::ctl
