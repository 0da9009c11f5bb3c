#include "userspace/masking/text_masker.h"

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

bool TextMasker::passes(std::string_view text, const Edits& out) {
  if (!out.findings.empty() || out.list.size() > 1 || base64_.held() != 0) return false;
  const std::size_t released = out.list.empty() ? 0 : out.list.front().consumed;
  if (held_.empty()) {
    if (!base64_.passes(text.substr(0, released))) return false;
    held_ = text.substr(released);
    return true;
  }
  held_ += text;
  if (!base64_.passes(std::string_view(held_).substr(0, released))) {
    held_.resize(held_.size() - text.size());
    return false;
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
  const bool held = !held_.empty();
  if (held) held_ += text;
  std::string_view rest = held ? std::string_view(held_) : text;
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
  if (held) {
    held_.erase(0, held_.size() - rest.size());
  } else {
    held_ = rest;
  }
  edits_.clear();
}

}  // namespace veilwire::masking
