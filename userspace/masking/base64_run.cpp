#include "userspace/masking/base64_run.h"

#include "userspace/crypto/encoding.h"

#include <algorithm>
#include <utility>

namespace veilwire::masking {
namespace {

// Encoders wrap at 64 (RFC 7468) or 76 (RFC 2045).
constexpr std::size_t kShortestLine = 60;
// Line end and indent.
constexpr std::size_t kLongestGap = 66;

// Characters that edits cover behind so many bytes: of an open group as many are left as of its
// bytes, so that each edit has one.
std::uint64_t characters_of(std::uint64_t bytes) { return bytes / 3 * 4 + bytes % 3; }

std::string blanks_to_group(std::size_t bytes) { return std::string((3 - bytes % 3) % 3, ' '); }

}  // namespace

Base64Run::Base64Run(std::shared_ptr<const Engine> engine, std::uint64_t offset, std::size_t shown)
    : masker_(std::move(engine)), offset_(offset), shown_(shown) {}

std::size_t Base64Run::feed(std::string_view text, Edits& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!gap_.empty() && take_gap(text[i])) continue;
    if (!take(text[i])) {
      end(State::Ended, out);
      return i;
    }
    if (taken_ + padding_ < 4) continue;
    if (padding_ != 0 || !close_group()) {
      end(padding_ != 0 ? State::Ended : State::Foreign, out);
      return i + 1;
    }
  }
  judge(out);
  return text.size();
}

// True where the character stands between two lines of the run.
bool Base64Run::take_gap(char c) {
  const bool blank = c == ' ' || c == '\t' || (c == '\n' && gap_ == "\r");
  if (blank && gap_.size() < kLongestGap) {
    gap_ += c;
    return true;
  }
  if (!is_base64(c)) return false;
  raw_ += std::exchange(gap_, {});
  width_ = std::exchange(line_, 0);
  return false;
}

// False where the character does not belong to the run.
bool Base64Run::take(char c) {
  if (!gap_.empty()) return false;
  if (is_base64(c) && padding_ == 0) {
    bits_ = bits_ << 6 | base64_value(c);
    ++taken_;
    ++line_;
    url_ |= c == '-' || c == '_';
  } else if (c == '=' && taken_ >= 2) {
    ++padding_;
  } else if ((c == '\n' || c == '\r') && taken_ == 0 && line_ >= kShortestLine &&
             (width_ == 0 || line_ == width_)) {
    gap_ = c;
    return true;
  } else {
    return false;
  }
  if (line_ > shown_ || width_ != 0 || padding_ != 0) raw_ += c;
  return true;
}

// False where its bytes are no text; they are not judged then.
bool Base64Run::close_group() {
  const std::uint32_t bits = std::exchange(bits_, 0) << (6 * (4 - taken_));
  const unsigned count = std::exchange(taken_, 0) - 1;  // of two to four characters
  std::string bytes;
  for (unsigned i = 0; i < count; ++i) {
    const unsigned byte = bits >> (16 - 8 * i) & 0xFF;
    if (!is_text_byte(byte) || !utf8_.take(static_cast<unsigned char>(byte))) return false;
    bytes += static_cast<char>(static_cast<unsigned char>(byte));
  }
  bytes_ += bytes;
  return true;
}

void Base64Run::end(State state, Edits& out) {
  if (taken_ >= 2) close_group();
  judge(out);
  masker_.finish(edits_);
  apply(out);
  if (spilling_) give(raw_.size(), encode(ahead_), nullptr, out);  // no group follows
  raw_ += std::exchange(gap_, {});
  give_plain(raw_.size(), out);
  state_ = state;
}

void Base64Run::finish(Edits& out) { end(State::Ended, out); }

void Base64Run::adopt(std::shared_ptr<const Engine> engine, Edits& out) {
  masker_.adopt(std::move(engine), edits_);
  apply(out);
}

void Base64Run::judge(Edits& out) {
  if (judged_ == bytes_.size()) return;
  masker_.feed(std::string_view(bytes_).substr(judged_), edits_);
  judged_ = bytes_.size();
  apply(out);
}

// Carries edits over decoded bytes over to characters.
void Base64Run::apply(Edits& out) {
  std::size_t told = 0;
  const auto tell_closed = [&](std::size_t before) {
    for (; told < before; ++told) tell(edits_.findings[told], 0, out);
  };
  for (const Edit& edit : edits_.list) {
    if (!edit.replaced) {
      if (told < edits_.findings.size() && edits_.findings[told].closes) tell_closed(told + 1);
      pass(edit.consumed, out);
      continue;
    }
    const Finding* finding = nullptr;
    if (edit.finding != SIZE_MAX) {
      tell_closed(edit.finding);
      finding = &edits_.findings[told++];
    }
    replace(edit, finding, out);
  }
  tell_closed(edits_.findings.size());
  edits_.clear();
}

// The next bytes stay.
void Base64Run::pass(std::uint64_t bytes, Edits& out) {
  passed_ += bytes;
  ahead_ += bytes_.substr(0, bytes);
  bytes_.erase(0, bytes);
  judged_ -= bytes;
  if (spilling_) {
    const std::size_t rest = (3 - (passed_ - ahead_.size()) % 3) % 3;
    if (ahead_.size() < rest) return;
    give_spilled(rest, raw_until(characters_of(passed_ - ahead_.size() + rest)), out);
  }
  ahead_.erase(0, ahead_.size() - passed_ % 3);
  give_plain(raw_until(passed_ / 3 * 4), out);
}

// The bytes of a group behind a mask that ends in it: blanks before them keep the groups that
// follow in their places.
void Base64Run::give_spilled(std::size_t bytes, std::size_t raw, Edits& out) {
  give(raw, encode(blanks_to_group(bytes) + ahead_.substr(0, bytes)), nullptr, out);
  ahead_.erase(0, bytes);
  spilling_ = false;
}

void Base64Run::replace(const Edit& edit, const Finding* finding, Edits& out) {
  std::string text = std::exchange(ahead_, {});
  if (characters_of(passed_) < shown_) text.clear();
  passed_ += edit.consumed;
  bytes_.erase(0, edit.consumed);
  judged_ -= edit.consumed;
  if (finding != nullptr && !finding->closes) {
    text += edit.replacement;
    text += blanks_to_group(text.size());
  } else {
    text.clear();  // a begin/end finding goes on
  }
  const bool shown = characters_of(passed_) <= shown_;
  if (shown && (finding == nullptr || finding->treatment != Treatment::Block)) return;
  give(raw_until(characters_of(passed_)), encode(text), finding, out);
  spilling_ = !shown && passed_ % 3 != 0;
}

// The next bytes of raw_ are replaced.
void Base64Run::give(std::size_t raw, std::string replacement, const Finding* finding, Edits& out) {
  Edit& edit = out.list.emplace_back();
  edit.consumed = raw;
  edit.replaced = true;
  edit.replacement = std::move(replacement);
  edit.original = raw_.substr(0, raw);
  if (finding != nullptr) {
    edit.finding = out.findings.size();
    tell(*finding, raw, out);
  }
  raw_.erase(0, raw);
  offset_ += raw;
}

void Base64Run::give_plain(std::size_t raw, Edits& out) {
  if (raw == 0) return;
  out.list.emplace_back().consumed = raw;
  raw_.erase(0, raw);
  offset_ += raw;
}

// raw: how much is covered with it.
void Base64Run::tell(Finding finding, std::size_t raw, Edits& out) {
  if (!finding.closes) open_offset_ = offset_;
  finding.offset = open_offset_;
  finding.length = offset_ + raw - open_offset_;
  out.findings.push_back(std::move(finding));
}

// Bytes of raw_ before this character; they are given then.
std::size_t Base64Run::raw_until(std::uint64_t character) {
  if (character <= given_) return 0;
  std::uint64_t left = character - std::exchange(given_, character);
  if (width_ == 0) return left;
  std::size_t at = 0;
  for (; left > 0 && at < raw_.size(); ++at) left -= is_base64(raw_[at]) ? 1U : 0U;
  return at;
}

std::string Base64Run::encode(std::string_view bytes) const {
  std::string out = url_ ? crypto::base64url_encode(bytes) : crypto::base64_encode(bytes);
  while (padding_ == 0 && out.ends_with('=')) out.pop_back();
  while (padding_ != 0 && out.size() % 4 != 0) out += '=';
  return out;
}

}  // namespace veilwire::masking
