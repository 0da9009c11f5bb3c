#include "userspace/masking/base64_runs.h"

#include "userspace/masking/base64_run.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace veilwire::masking {
namespace {

// Whether a run that begins so may be text.
bool may_be_text(std::string_view run) {
  if (run.size() >= 4) {  // of most words it is seen at their first three bytes that they are none
    std::uint32_t first = 0;
    for (const char c : run.substr(0, 4)) first = first << 6 | base64_value(c);
    if ((first & 0x808080) != 0) return false;
  }
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

// A bit where sixteen begin.
std::uint64_t long_runs(std::uint64_t mask) {
  std::uint64_t runs = mask & mask >> 1;
  runs &= runs >> 2;
  runs &= runs >> 4;
  return runs & runs >> 8;
}

// Where in a document, a table or a command a value stands: in quotation marks, behind "=", "," or
// ": ".
bool value_begins(char before, char before_that) {
  if (before == ' ' || before == '\t') return before_that == ':';
  return before == '"' || before == '\'' || before == '`' || before == '=' || before == ',';
}

}  // namespace

Base64Runs::Base64Runs(std::shared_ptr<const Engine> engine) : engine_(std::move(engine)) {}
Base64Runs::Base64Runs(Base64Runs&&) noexcept = default;
Base64Runs& Base64Runs::operator=(Base64Runs&&) noexcept = default;
Base64Runs::~Base64Runs() = default;

void Base64Runs::feed(std::string_view text, Edits& out) {
  const auto advance = [this](std::string_view& rest, std::size_t taken) {
    look_back_on(rest.substr(0, taken));
    rest.remove_prefix(taken);
  };
  while (!text.empty()) {
    if (state_ == State::Text) {
      advance(text, take_text(text, out));
      continue;
    }
    const std::size_t passed = pass_windows(text);
    plain(passed, out);
    advance(text, passed);
    if (text.empty()) return;
    if (state_ == State::Outside) shown_ = shown_at(text, 0);
    state_ = State::Short;
    advance(text, take_short(text, out));
  }
}

std::size_t Base64Runs::pass(std::string_view text) {
  const std::size_t passed = pass_windows(text);
  offset_ += passed;
  look_back_on(text.substr(0, passed));
  return passed;
}

// Up to where a run stands that may be text.
std::size_t Base64Runs::pass_windows(std::string_view text) {
  if (state_ == State::Text || held() != 0) return 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::string_view window = text.substr(at, kBase64Window);
    std::uint64_t mask = base64_mask(window);
    if (state_ != State::Outside) {
      const auto lead = static_cast<std::size_t>(std::countr_one(mask));
      const bool ends = lead < window.size();
      // One that ends too short is none.
      if (state_ == State::Short && short_.size() + lead > (ends ? kShortestBase64 - 1 : shown_)) {
        Short head = short_;
        head.append(window.substr(0, lead));
        if (may_be_text(head.view())) break;
        short_.clear();
        state_ = State::Foreign;
      }
      if (!ends) {
        if (state_ == State::Short) short_.append(window);
        at += lead;
        continue;
      }
      short_.clear();
      state_ = State::Outside;
      mask &= mask + 1;
    }
    for (std::uint64_t runs = long_runs(mask); runs != 0;) {
      const int begin = std::countr_zero(runs);
      const auto from = at + static_cast<std::size_t>(begin);
      if (may_be_text(text.substr(from, kShortestBase64))) return from;
      const int end = begin + std::countr_one(mask >> begin);
      runs = end < 64 ? runs >> end << end : 0;
    }
    // A run that the window ends in.
    const auto last =
        static_cast<std::size_t>(std::countl_one(mask << (kBase64Window - window.size())));
    at += window.size();
    if (last >= kShortestBase64) {
      state_ = State::Foreign;
      continue;
    }
    at -= last;
    if (at + last < text.size()) continue;
    if (last == 0) break;
    const std::size_t shown = shown_at(text, at);
    if (last <= shown) {
      state_ = State::Short;
      shown_ = shown;
      short_.append(text.substr(at));
    } else if (may_be_text(text.substr(at))) {
      break;
    } else {
      state_ = State::Foreign;
    }
    return text.size();
  }
  return at;
}

std::size_t Base64Runs::take_short(std::string_view text, Edits& out) {
  const auto taken = static_cast<std::size_t>(
      std::countr_one(base64_mask(text.substr(0, kShortestBase64 - short_.size()))));
  if (short_.size() < shown_) plain(std::min(taken, shown_ - short_.size()), out);
  short_.append(text.substr(0, taken));
  if (short_.size() < kShortestBase64 && taken < text.size()) {
    state_ = State::Outside;
    give_short(out);
  } else if (short_.size() > shown_ && !may_be_text(short_.view())) {
    state_ = State::Foreign;
    give_short(out);
  } else if (short_.size() == kShortestBase64) {
    state_ = State::Text;
    run_ = std::make_unique<Base64Run>(engine_, offset_, shown_);
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
  if (bytes != 0) before_ = {};
}

void Base64Runs::adopt(std::shared_ptr<const Engine> engine, Edits& out) {
  engine_ = std::move(engine);
  if (run_) run_->adopt(engine_, out);
}

void Base64Runs::restart() {
  state_ = State::Outside;
  short_.clear();
  run_.reset();
  before_ = {};
  offset_ = 0;
}

std::uint64_t Base64Runs::held() const {
  return run_ ? run_->held() : short_.size() - std::min(short_.size(), shown_);
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

// Of a run that begins at this place of a text that comes next.
std::size_t Base64Runs::shown_at(std::string_view text, std::size_t at) const {
  const auto back = [&](std::size_t count) {
    return count <= at ? text[at - count] : before_[before_.size() - (count - at)];
  };
  return value_begins(back(1), back(2)) ? 0 : 4;
}

void Base64Runs::look_back_on(std::string_view text) {
  if (text.size() > 1) {
    before_ = {text[text.size() - 2], text.back()};
  } else if (!text.empty()) {
    before_ = {before_[1], text[0]};
  }
}

}  // namespace veilwire::masking
