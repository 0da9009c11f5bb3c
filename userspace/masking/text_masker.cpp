#include "userspace/masking/text_masker.h"

#include <algorithm>
#include <utility>

namespace veilwire::masking {

TextMasker::TextMasker(std::shared_ptr<const Engine> engine)
    : masker_(engine), base64_(std::move(engine)) {}

void TextMasker::feed(std::string_view text, Edits& out) {
  // Most text is released as it stands, and then there is nothing to carry over.
  if (!out.list.empty() || !out.findings.empty()) {
    masker_.feed(text, edits_);
  } else {
    masker_.feed(text, out);
    if (passes(text, out)) return;
    std::swap(edits_, out);
  }
  look_into_base64(text, out);
}

// Where nothing was found, out says what of held_ and text is released.
bool TextMasker::passes(std::string_view text, Edits& out) {
  if (!out.findings.empty() || out.list.size() > 1) return false;
  if (!out.list.empty() && out.list.front().replaced) return false;
  const std::size_t released = out.list.empty() ? 0 : out.list.front().consumed;
  if (text.size() > kBase64Window) {
    const std::size_t old = std::min(released, held_.size());
    out.list.clear();
    base64_.feed(std::string_view(held_).substr(0, old), out);
    base64_.feed(text.substr(0, released - old), out);
    held_.erase(0, old);
    held_ += text.substr(released - old);
    return true;
  }
  held_ += text;
  const std::string_view goes = std::string_view(held_).substr(0, released);
  const std::size_t passed = base64_.pass(goes);
  if (passed < released) {
    out.list.clear();
    if (passed != 0) out.list.emplace_back().consumed = passed;
    base64_.feed(goes.substr(passed), out);
  }
  held_.erase(0, released);
  return true;
}

void TextMasker::finish(Edits& out) {
  masker_.finish(edits_);
  look_into_base64({}, out);
  base64_.end(0, out);
}

void TextMasker::adopt(std::shared_ptr<const Engine> engine, Edits& out) {
  masker_.adopt(engine, edits_);
  look_into_base64({}, out);
  base64_.adopt(std::move(engine), out);
}

void TextMasker::restart() {
  masker_.restart();
  base64_.restart();
  held_.clear();
}

// text: what has come behind held_.
void TextMasker::look_into_base64(std::string_view text, Edits& out) {
  const std::string joined = held_.empty() ? std::string() : held_ + std::string(text);
  std::string_view rest = held_.empty() ? text : std::string_view(joined);
  std::size_t told = 0;
  const auto tell = [&](std::size_t before) {
    for (; told < before; ++told) out.findings.push_back(std::move(edits_.findings[told]));
  };
  for (Edit& edit : edits_.list) {
    if (!edit.replaced) {
      // The end of a finding that has no edit of its own stands before what follows it.
      if (told < edits_.findings.size() && edits_.findings[told].closes) tell(told + 1);
      base64_.feed(rest.substr(0, edit.consumed), out);
      rest.remove_prefix(edit.consumed);
      continue;
    }
    base64_.end(edit.consumed, out);
    rest.remove_prefix(edit.consumed);
    if (edit.finding != SIZE_MAX) {
      tell(edit.finding);
      edit.finding = out.findings.size();
      tell(told + 1);
    }
    out.list.push_back(std::move(edit));
  }
  tell(edits_.findings.size());
  held_ = rest;
  edits_.clear();
}

}  // namespace veilwire::masking
