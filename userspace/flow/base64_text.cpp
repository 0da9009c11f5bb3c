#include "userspace/flow/base64_text.h"

#include "userspace/base/limits.h"
#include "userspace/crypto/encoding.h"
#include "userspace/flow/masked_span.h"
#include "userspace/flow/packed_text.h"
#include "userspace/masking/base64_scan.h"

#include <algorithm>
#include <utility>

namespace veilwire::flow {
namespace {

// Of what a mask stands for: nobody's conversation is to fill the memory of all.
constexpr std::size_t kLongestTail = std::size_t{256} * 1024;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

}  // namespace

Base64Text::Base64Text(std::shared_ptr<const masking::Engine> engine,
                       std::shared_ptr<std::size_t> room)
    : engine_(std::move(engine)), room_(std::move(room)) {}

void Base64Text::feed(std::string_view raw, Edited& out) {
  if (mode_ == Mode::Binary && escape_.empty() &&
      raw.find_first_of("\\ ") == std::string_view::npos) {
    return pass(raw, out);
  }
  if (mode_ == Mode::Dropped) return;
  if (mode_ == Mode::Foreign) return give_up(raw, out);
  characters_.clear();
  runs_.clear();
  escape_ += raw;
  (void)decoder_.feed(raw, characters_, runs_);  // the scanner has judged the escapes
  // `escape_` now holds what this feed was given behind what the last one left open, as do the
  // runs.
  const std::string input = std::exchange(escape_, {});
  std::string_view left = input;
  std::string_view characters = characters_;
  for (const wire::JsonStringDecoder::Run& run : runs_) {
    const bool plain = run.raw == run.decoded;
    for (std::uint32_t i = 0; i < (plain ? run.decoded : 1); ++i) {
      const std::size_t size = plain ? 1 : run.raw;
      const char c = plain || run.decoded == 1 ? characters.front() : '\xFF';
      if (mode_ == Mode::Binary) {
        pass(c, left.substr(0, size), out);
      } else if (!take(c, left.substr(0, size))) {
        return give_up(left, out);
      }
      left.remove_prefix(size);
      characters.remove_prefix(plain ? 1 : run.decoded);
      if (mode_ == Mode::Looking) look(false, out);
      if (mode_ == Mode::Packed && text_.size() > limits::kPackedText) end_packed(out);
      if (mode_ == Mode::Dropped || out.blocked) return;
    }
  }
  escape_ = left;
  if (mode_ == Mode::Text) judge(out);
}

// Binary: whole groups go on.
void Base64Text::pass(char character, std::string_view raw, Edited& out) {
  group_raw_ += raw;
  if (is_blank(character) || ++taken_ < 4) return;
  taken_ = 0;
  out.append(group_raw_);
  group_raw_.clear();
}

// The same, where each byte is a character.
void Base64Text::pass(std::string_view raw, Edited& out) {
  const std::size_t characters = taken_ + raw.size();
  taken_ = static_cast<unsigned>(characters % 4);
  if (characters >= 4) {
    out.append(group_raw_);
    group_raw_.clear();
    out.append(raw.substr(0, raw.size() - taken_));
    raw.remove_prefix(raw.size() - taken_);
  }
  group_raw_ += raw;
}

// False where the character cannot stand in base64.
bool Base64Text::take(char character, std::string_view raw) {
  if (is_blank(character)) {
    group_raw_ += raw;
    return true;
  }
  if (character == '=' && taken_ >= 2 && taken_ + padding_ < 4) {
    ++padding_;
  } else if (masking::is_base64(character) && padding_ == 0 && !padded_) {
    url_ |= character == '-' || character == '_';
    bits_ = bits_ << 6 | masking::base64_value(character);
    ++taken_;
  } else {
    return false;
  }
  group_raw_ += raw;
  if (taken_ + padding_ == 4) close_group();
  return true;
}

void Base64Text::close_group() {
  const unsigned missing = 4 - taken_;
  const std::uint32_t bits = bits_ << (6 * missing);
  const unsigned bytes = taken_ == 0 ? 0 : taken_ - 1;
  for (unsigned i = 0; i < bytes; ++i)
    text_ += static_cast<char>(static_cast<unsigned char>(bits >> (16 - 8 * i)));
  if (tail_) tail_->text += group_raw_;
  if (tail_ && tail_->text.size() > kLongestTail) tail_.reset();
  if (mode_ == Mode::Packed) {
    raw_ += group_raw_;
  } else if (!encoding_) {
    groups_.push_back({static_cast<std::uint32_t>(group_raw_.size()), bytes});
    raw_ += group_raw_;
  }
  group_raw_.clear();
  padded_ = missing != 0;
  bits_ = 0;
  taken_ = padding_ = 0;
}

void Base64Text::look(bool at_end, Edited& out) {
  if (text_.size() < kCharsetLook && !at_end) return;
  if (is_gzip(text_)) {
    mode_ = Mode::Packed;
    groups_ = {};
    return;
  }
  const auto guess = guess_charset(text_);
  if (guess && (guess->sure || finds(guess->charset))) {
    mode_ = Mode::Text;
    masker_.emplace(guess->charset, engine_);
    return;
  }
  // A few characters may be base64 by chance: as text they are judged too.
  if (at_end) return give_up({}, out);
  mode_ = Mode::Binary;
  out.append(raw_);
  raw_.clear();
}

// What is here of the packed text is all that is looked into. False where nothing was found.
bool Base64Text::edit_packed(Edited& out) {
  auto edited = edit_gzip(text_, engine_, *room_);
  text_.clear();
  if (!edited) return false;
  begin_tail(std::exchange(raw_, {}));
  if (edited->blocked) {
    out.blocked = std::move(edited->blocked);
    out.blocked->offset = out.bytes.size();
    return true;
  }
  const std::size_t begin = out.bytes.size();
  encode(edited->bytes, out);
  end_encoding(out);
  // The first mask is where all of them are.
  std::uint64_t length = out.bytes.size() - begin;
  for (audit::MaskedSpan& mask : edited->masks) {
    mask.offset = begin;
    mask.released_length = std::exchange(length, 0);
    out.masks.push_back(std::move(mask));
  }
  return true;
}

// No more of it can be held.
void Base64Text::end_packed(Edited& out) {
  mode_ = edit_packed(out) ? Mode::Dropped : Mode::Binary;
  tail_.reset();
  out.append(std::exchange(raw_, {}));
}

// All of the text is here: whether anything is found in it.
bool Base64Text::finds(Charset charset) const {
  ByteText text(charset, engine_);
  masking::Edits edits;
  text.feed(text_, edits);
  text.finish(edits);
  return !edits.findings.empty();
}

void Base64Text::judge(Edited& out) {
  if (judged_ < text_.size()) masker_->feed(std::string_view(text_).substr(judged_), edits_);
  judged_ = text_.size();
  apply(out);
}

void Base64Text::apply(Edited& out) {
  for (const masking::Edit& edit : edits_.list) {
    if (!edit.replaced) {
      release(edit.consumed, out);
      continue;
    }
    // The bytes before it that share a group with it go into the new encoding.
    if (!encoding_) {
      encoding_ = true;
      carry_ = text_.substr(0, ahead_);
      text_.erase(0, ahead_);
      judged_ -= ahead_;
      ahead_ = 0;
      groups_.clear();
      begin_tail(std::exchange(raw_, {}));
    }
    const masking::Finding* finding =
        edit.finding != SIZE_MAX ? &edits_.findings[edit.finding] : nullptr;
    audit::MaskedSpan span = finding != nullptr ? span_of(*finding) : audit::MaskedSpan{};
    span.offset = out.bytes.size();
    if (finding != nullptr && finding->treatment == masking::Treatment::Block) {
      out.blocked = std::move(span);
      break;
    }
    span.released_length = (carry_.size() + edit.replacement.size() + 2) / 3 * 4;
    if (finding != nullptr && !finding->closes) out.masks.push_back(std::move(span));
    text_.erase(0, edit.consumed);
    judged_ -= edit.consumed;
    encode(edit.replacement, out);
  }
  edits_.clear();
}

// The next bytes of the text may go.
void Base64Text::release(std::uint64_t bytes, Edited& out) {
  if (encoding_) {
    encode(std::string_view(text_).substr(0, bytes), out);
    text_.erase(0, bytes);
    judged_ -= bytes;
    return;
  }
  ahead_ += bytes;
  std::size_t raw = 0, text = 0;
  auto group = groups_.begin();
  for (; group != groups_.end() && group->bytes <= ahead_; ++group) {
    raw += group->raw;
    text += group->bytes;
    ahead_ -= group->bytes;
  }
  groups_.erase(groups_.begin(), group);
  out.append(std::string_view(raw_).substr(0, raw));
  raw_.erase(0, raw);
  text_.erase(0, text);
  judged_ -= text;
}

void Base64Text::encode(std::string_view bytes, Edited& out) {
  carry_ += bytes;
  const std::size_t whole = carry_.size() / 3 * 3;
  const std::string text = url_ ? crypto::base64url_encode(carry_.substr(0, whole))
                                : crypto::base64_encode(carry_.substr(0, whole));
  carry_.erase(0, whole);
  out.append(text);
  if (tail_) tail_->mask += text;
}

void Base64Text::end_encoding(Edited& out) {
  if (carry_.empty()) return;
  const std::size_t characters = carry_.size() + 1;
  carry_.resize(3, '\0');
  const std::size_t size = out.bytes.size();
  std::optional<masking::Original> tail = std::exchange(tail_, std::nullopt);
  encode({}, out);
  out.bytes.resize(size + characters);
  // Where the length of the original does not tell, the alphabet does: RFC 4648 pads, users of its
  // section 5 do not.
  const bool pads = padded_ || (!unpadded_ && !url_);
  if (pads) out.bytes.append(4 - characters, '=');
  if (tail) tail->mask += std::string_view(out.bytes).substr(size);
  tail_ = std::move(tail);
}

// raw: what takes part in the encoding and has come already.
void Base64Text::begin_tail(std::string_view raw) {
  if (raw.size() <= kLongestTail) tail_.emplace().text = raw;
}

// behind: what follows the last group, and goes out too.
void Base64Text::give_tail(std::string_view behind, Edited& out) {
  if (!tail_) return;
  const std::string raw = tail_->text.append(behind);
  tail_->text.clear();
  (void)wire::JsonStringDecoder().feed(raw, tail_->text);
  (void)wire::JsonStringDecoder().feed(behind, tail_->mask);
  tail_->at = masking::Original::kAtEnd;
  out.originals.push_back(*std::exchange(tail_, std::nullopt));
}

// rest: raw content from the first character on that is none of base64.
void Base64Text::give_up(std::string_view rest, Edited& out) {
  if (!foreign_) {
    // Lenient readers skip what is none, or stop there.
    if (mode_ == Mode::Looking && is_gzip(text_)) mode_ = Mode::Packed;
    if (const auto guess = guess_charset(text_);
        mode_ == Mode::Looking && guess && finds(guess->charset)) {
      mode_ = Mode::Text;
      masker_.emplace(guess->charset, engine_);
    }
    if (mode_ == Mode::Text) {
      judge(out);
      if (out.blocked) return;
      masker_->finish(edits_);
      apply(out);
      if (out.blocked) return;
      end_encoding(out);
    }
    if (mode_ == Mode::Packed) {
      edit_packed(out);
      if (out.blocked) return;
    }
    tail_.reset();
    mode_ = Mode::Foreign;
    foreign_.emplace(engine_, masking::Encoding::JsonString);
    foreign_->feed(raw_ + group_raw_, foreign_out_);
    raw_.clear();
    group_raw_.clear();
  }
  foreign_->feed(rest, foreign_out_);
  give(foreign_out_, out);
}

void Base64Text::finish(Edited& out) {
  if (mode_ == Mode::Looking || mode_ == Mode::Text || mode_ == Mode::Packed) {
    if (taken_ == 1 || !escape_.empty() || padding_ != 0) {
      give_up(std::exchange(escape_, {}), out);
    } else if (taken_ != 0) {
      close_group();
      padded_ = false;
      unpadded_ = true;
    }
  }
  if (out.blocked) return;
  if (mode_ == Mode::Looking) look(true, out);
  if (mode_ == Mode::Text) {
    judge(out);
    if (out.blocked) return;
    masker_->finish(edits_);
    apply(out);
    if (out.blocked) return;
    end_encoding(out);
    out.append(group_raw_);  // white space behind the last group
    give_tail(group_raw_, out);
  }
  if (mode_ == Mode::Packed) {
    edit_packed(out);
    if (out.blocked) return;
    out.append(raw_ + group_raw_);
    give_tail(group_raw_, out);
    raw_.clear();
    group_raw_.clear();
  }
  if (mode_ == Mode::Binary) out.append(std::exchange(group_raw_, {}) + std::exchange(escape_, {}));
  if (mode_ == Mode::Foreign) {
    foreign_->finish(foreign_out_);
    give(foreign_out_, out);
  }
}

std::string Base64Text::close() {
  Edited end;
  if (mode_ == Mode::Text) end_encoding(end);
  // A finished one may end within a group. The character A has no bits that padding forbids
  // (RFC 4648, section 3.5).
  if (mode_ == Mode::Binary && group_raw_.empty() && taken_ != 0)
    end.bytes = "A" + std::string(3 - taken_, '=');
  return std::move(end.bytes);
}

void Base64Text::adopt(std::shared_ptr<const masking::Engine> engine, Edited& out) {
  engine_ = std::move(engine);
  if (mode_ == Mode::Text) {
    masker_->adopt(engine_, edits_);
    apply(out);
  }
  if (mode_ == Mode::Foreign) {
    foreign_->adopt(engine_, foreign_out_);
    give(foreign_out_, out);
  }
}

}  // namespace veilwire::flow
