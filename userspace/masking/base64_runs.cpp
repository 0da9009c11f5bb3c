#include "userspace/masking/base64_runs.h"

#include "userspace/masking/base64_run.h"

#include <algorithm>
#include <utility>

namespace veilwire::masking {
namespace {

// Whether a run that begins so may be text.
bool may_be_text(std::string_view run) {
  std::uint32_t bits = 0;
  unsigned held = 0;
  // No text begins with a line end or a control character.
  unsigned lowest = 0x20;
  for (const char c : run) {
    bits = bits << 6 | base64_value(c);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    const unsigned byte = bits >> held & 0xFF;
    if (byte < lowest || byte >= 0x80 || !is_text_byte(byte)) return false;
    lowest = '\t';
  }
  // The bits that have come of the next byte: 0 where it has none.
  const unsigned least = bits << (8 - held) & 0xFF;
  const unsigned most = least | 0xFFU >> held;
  return least < 0x80 && most >= lowest;
}

}  // namespace

Base64Runs::Base64Runs(std::shared_ptr<const Engine> engine) : engine_(std::move(engine)) {}
Base64Runs::Base64Runs(Base64Runs&&) noexcept = default;
Base64Runs& Base64Runs::operator=(Base64Runs&&) noexcept = default;
Base64Runs::~Base64Runs() = default;

void Base64Runs::feed(std::string_view text, Edits& out) {
  while (!text.empty()) {
    std::size_t taken = 0;
    switch (state_) {
      case State::Outside:
        taken = next_base64(text);
        plain(taken, out);
        if (taken < text.size()) state_ = State::Short;
        break;
      case State::Short:
        taken = take_short(text, out);
        break;
      case State::Text:
        taken = take_text(text, out);
        break;
      case State::Foreign:
        taken = base64_prefix(text);
        plain(taken, out);
        if (taken < text.size()) state_ = State::Outside;
        break;
    }
    text.remove_prefix(taken);
  }
}

bool Base64Runs::passes(std::string_view text) {
  if (state_ == State::Text || held() != 0) return false;
  State state = state_;
  std::size_t at = 0;
  std::size_t begin = 0;  // of a short run that the text ends in
  if (state != State::Outside) {
    at = base64_prefix(text);
    if (state == State::Short && short_.size() + at > kBase64Shown) {
      Short head = short_;
      head.append(text.substr(0, at));
      if (may_be_text(head.view())) return false;
      state = State::Foreign;
    }
    if (at < text.size()) state = State::Outside;
  }
  const bool goes_on = state == State::Short;
  while (state == State::Outside) {
    begin = at + next_base64(text.substr(at));
    if (begin == text.size()) break;
    if (text.size() - begin <= kBase64Shown) {
      state = State::Short;
    } else if (may_be_text(text.substr(begin, kShortestBase64))) {
      return false;
    } else {
      at = begin + base64_prefix(text.substr(begin));
      if (at == text.size()) state = State::Foreign;
    }
  }
  if (!goes_on) short_.clear();
  if (state == State::Short) short_.append(text.substr(begin));
  state_ = state;
  offset_ += text.size();
  return true;
}

std::size_t Base64Runs::take_short(std::string_view text, Edits& out) {
  const std::size_t taken = base64_prefix(text.substr(0, kShortestBase64 - short_.size()));
  if (short_.size() < kBase64Shown) plain(std::min(taken, kBase64Shown - short_.size()), out);
  short_.append(text.substr(0, taken));
  if (short_.size() < kShortestBase64 && taken < text.size()) {
    state_ = State::Outside;
    give_short(out);
  } else if (short_.size() > kBase64Shown && !may_be_text(short_.view())) {
    state_ = State::Foreign;
    give_short(out);
  } else if (short_.size() == kShortestBase64) {
    state_ = State::Text;
    run_ = std::make_unique<Base64Run>(engine_, offset_);
    take_text(std::exchange(short_, {}).view(), out);
  }
  return taken;
}

std::size_t Base64Runs::take_text(std::string_view text, Edits& out) {
  const std::size_t taken = run_->feed(text, out);
  if (run_->state() == Base64Run::State::Open) return taken;
  state_ = run_->state() == Base64Run::State::Ended ? State::Outside : State::Foreign;
  offset_ = run_->offset();
  run_.reset();
  return taken;
}

void Base64Runs::end(std::uint64_t bytes, Edits& out) {
  if (run_) {
    run_->finish(out);
    offset_ = run_->offset();
    run_.reset();
  }
  give_short(out);
  state_ = State::Outside;
  offset_ += bytes;
}

void Base64Runs::adopt(std::shared_ptr<const Engine> engine, Edits& out) {
  engine_ = std::move(engine);
  if (run_) run_->adopt(engine_, out);
}

void Base64Runs::restart() {
  state_ = State::Outside;
  short_.clear();
  run_.reset();
  offset_ = 0;
}

std::uint64_t Base64Runs::held() const {
  return run_ ? run_->held() : short_.size() - std::min(short_.size(), kBase64Shown);
}

void Base64Runs::give_short(Edits& out) {
  plain(held(), out);
  short_.clear();
}

void Base64Runs::plain(std::uint64_t bytes, Edits& out) {
  if (bytes == 0) return;
  offset_ += bytes;
  if (out.list.empty() || out.list.back().replaced) out.list.emplace_back();
  out.list.back().consumed += bytes;
}

}  // namespace veilwire::masking
