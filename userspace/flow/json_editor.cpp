#include "userspace/flow/json_editor.h"

#include "userspace/base/limits.h"

#include <algorithm>
#include <utility>

namespace veilwire::flow {
namespace {

using message::Zone;
using Kind = wire::JsonEvent::Kind;

// The scanner may give one event for each byte: a slice bounds them.
constexpr std::size_t kSlice = 4096;

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' ||
         c == 'E';
}

// Bytes of the open escape behind `raw`, given those before it: 0, 1 for "\", 2 to 5 for "\u" and
// its digits.
unsigned escape_after(std::string_view raw, unsigned open) {
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (open == 0) {
      i = raw.find('\\', i);
      if (i == std::string_view::npos) break;
      open = 1;
    } else if (open == 1) {
      open = raw[i] == 'u' ? 2 : 0;
    } else {
      open = open == 5 ? 0 : open + 1;
    }
  }
  return open;
}

// What completes a number or literal.
std::string_view word_end(std::string_view word) {
  for (const std::string_view literal : {"true", "false", "null"}) {
    if (literal.starts_with(word)) return literal.substr(word.size());
  }
  const char last = word.back();
  return last >= '0' && last <= '9' ? "" : "0";
}

TextFilter::Form form_of(Zone leaf) {
  return leaf == Zone::InputPiece ? TextFilter::Form::JsonInJsonString
                                  : TextFilter::Form::JsonString;
}

bool is(const std::optional<TextFilter>& own, const TextFilter* filter) {
  return own && &*own == filter;
}

}  // namespace

JsonEditor::JsonEditor(Zone root, std::shared_ptr<const masking::Engine> engine, Pieces* pieces,
                       std::shared_ptr<std::size_t> room)
    : engine_(std::move(engine)),
      pieces_(pieces),
      room_(std::move(room)),
      walker_(root),
      scanner_({.utf8 = wire::Utf8::Any}) {}

bool JsonEditor::feed(std::string_view bytes, Edited& out) {
  taken_ = 0;
  while (!bytes.empty()) {
    input_ = bytes.substr(0, kSlice);
    bytes.remove_prefix(input_.size());
    at_ = input_at_ = scanner_.offset();
    events_.clear();
    const auto scanned = scanner_.feed(input_, events_);
    for (const wire::JsonEvent& event : events_) {
      on(event, out);
      if (out.blocked) return true;
    }
    if (!scanned) return stop(scanned.error(), out);
    hold_number(out);
    copy(input_at_ + input_.size(), out);
    taken_ += input_.size();
  }
  return true;
}

std::optional<Zone> JsonEditor::at_element() const {
  if (!scanner_.at_element() || scanner_.depth() != 2) return std::nullopt;
  return walker_.zone();
}

void JsonEditor::skip_object(std::string_view element) {
  scanner_.skip_element(element.size());
  input_ = {};
  at_ = input_at_ = scanner_.offset();
  // As behind its last bracket.
  context_.clear();
  word_.clear();
  last_ = '}';
  after_key_ = false;
}

bool JsonEditor::finish(Edited& out) {
  input_ = {};
  taken_ = 0;
  at_ = input_at_ = scanner_.offset();
  events_.clear();
  const auto scanned = scanner_.finish(events_);
  for (const wire::JsonEvent& event : events_) on(event, out);  // a number that is all of it
  return scanned.has_value() || stop(scanned.error(), out);
}

void JsonEditor::edit_scanned(std::string_view document, std::span<const wire::JsonEvent> events,
                              Edited& out) {
  input_ = document;
  at_ = input_at_ = 0;
  for (const wire::JsonEvent& event : events) {
    on(event, out);
    if (out.blocked) return;
  }
  copy(input_.size(), out);
}

void JsonEditor::adopt(std::shared_ptr<const masking::Engine> engine, Edited& out) {
  engine_ = std::move(engine);
  if (plain_) plain_->adopt(engine_, out);
  if (other_) other_->adopt(engine_, out);
}

void JsonEditor::use(const std::shared_ptr<const masking::Engine>& engine) {
  if (engine == engine_) return;
  engine_ = engine;
  plain_.reset();  // it has the other one
}

// Deals with everything before the fault. A block comes first: nothing behind it has been released,
// no part of an escape either.
bool JsonEditor::stop(const wire::JsonFault& fault, Edited& out) {
  const std::uint64_t until = std::clamp(fault.offset, at_, input_at_ + input_.size());
  if (inside_ == Inside::Edited || inside_ == Inside::UnknownKey) {
    // The beginning of an escape that is none: in the string, though no event has said so.
    const std::string_view piece = input_.substr(static_cast<std::size_t>(at_ - input_at_),
                                                 static_cast<std::size_t>(until - at_));
    at_ = until;
    if (!piece.empty()) more_string(piece, out);
  }
  if (inside_ == Inside::UnknownKey && !out.blocked) decide_key(out);
  if (inside_ == Inside::Edited && !out.blocked) finish_text(out);  // close() still asks the filter
  if (out.blocked) return true;
  if (inside_ != Inside::Edited) {
    const std::string begun = std::exchange(number_, {});
    note(begun);
    out.append(begun);
    copy(until, out);
  }
  taken_ += static_cast<std::size_t>(at_ - input_at_);
  fault_ = "JSON: " + std::string(wire::to_string(fault.error));
  return false;
}

void JsonEditor::on(const wire::JsonEvent& event, Edited& out) {
  switch (event.kind) {
    case Kind::BeginObject:
      walker_.begin_object();
      return;
    case Kind::BeginArray:
      walker_.begin_array();
      return;
    case Kind::EndObject:
      context_.clear();
      walker_.end();
      return;
    case Kind::EndArray:
      walker_.end();
      return;
    case Kind::BeginKey:
    case Kind::BeginString:
      copy(event.offset + 1, out);
      return begin_string(event.kind == Kind::BeginKey);
    case Kind::Piece:
      if (inside_ == Inside::Copied || inside_ == Inside::Credential) {
        const std::size_t begin = out.bytes.size();
        copy(event.offset + event.bytes.size(), out);
        if (inside_ == Inside::Credential)
          out.credentials.push_back({begin, out.bytes.size() - begin});
      }
      at_ = event.offset + event.bytes.size();
      return more_string(event.bytes, out);
    case Kind::EndKey:
    case Kind::EndString:
      end_string(out);
      if (out.blocked) return;
      return copy(event.offset + 1, out);
    case Kind::Number:
      return number(event, out);
    case Kind::True:
    case Kind::False:
    case Kind::Null:
      return;
  }
}

// The end of the input may cut it.
void JsonEditor::hold_number(Edited& out) {
  const std::uint64_t end = input_at_ + input_.size();
  const std::size_t open = scanner_.open_number();
  if (open == 0 || message::is_kept(message::leaf(walker_.zone()))) return;
  copy(std::max(at_, end - open), out);
  number_ += input_.substr(static_cast<std::size_t>(at_ - input_at_));
  at_ = end;
}

void JsonEditor::number(const wire::JsonEvent& event, Edited& out) {
  const Zone zone = message::leaf(walker_.zone());
  if (message::is_kept(zone)) return;
  copy(std::max(at_, event.offset), out);
  at_ = event.offset + event.bytes.size();
  number_.clear();
  if (event.bytes.size() >= masking::kShortestNumber) {
    // As in `"card": 4111111111111111`.
    const std::string_view context(context_.data(), context_.empty() ? 0 : context_.size() - 1);
    TextFilter text(TextFilter::Form::JsonString, engine_, context);
    Edited edited;
    text.feed(event.bytes, edited);
    if (!edited.blocked) text.finish(edited);
    if (edited.blocked) {
      out.blocked = std::move(edited.blocked);
      out.blocked->offset = out.bytes.size();
      return;
    }
    if (!edited.masks.empty()) {
      masking::Original whole{{}, std::string(event.bytes), false, 0, true};
      decoder_.reset();
      (void)decoder_.feed(edited.bytes, whole.mask);
      edited.originals.clear();
      edited.originals.push_back(std::move(whole));
      out.append("\"");
      out.append(std::move(edited));
      out.append("\"");
      word_.clear();
      last_ = '"';
      return;
    }
  }
  note(event.bytes);
  out.append(event.bytes);
}

void JsonEditor::begin_string(bool key) {
  in_key_ = key;
  head_raw_.clear();
  head_.clear();
  decoder_.reset();
  escape_ = 0;
  if (key) {
    inside_ = Inside::UnknownKey;
    return;
  }
  const Zone zone = message::leaf(walker_.zone());
  if (message::is_kept(zone)) {
    inside_ = zone == Zone::Credential ? Inside::Credential : Inside::Copied;
    return;
  }
  start_text(zone);
}

void JsonEditor::start_text(Zone zone) {
  inside_ = Inside::Edited;
  filter_ = message::is_piece(zone) && pieces_ != nullptr ? pieces_->piece(zone) : nullptr;
  if (filter_ != nullptr) return;
  if (zone == Zone::Base64) {
    if (room_ == nullptr) room_ = std::make_shared<std::size_t>(limits::kUnpackedText);
    filter_ = &other_.emplace(engine_, room_);
    return;
  }
  const std::string_view context = in_key_ ? std::string_view() : context_;
  const TextFilter::Form form = form_of(zone);
  if (form != TextFilter::Form::JsonString) {
    filter_ = &other_.emplace(form, engine_);
  } else if (plain_) {
    filter_ = &*plain_;
    filter_->restart(context);
  } else {
    filter_ = &plain_.emplace(form, engine_, context);
  }
}

void JsonEditor::more_string(std::string_view raw, Edited& out) {
  escape_ = escape_after(raw, escape_);
  switch (inside_) {
    case Inside::Edited:
      return filter_->feed(raw, out);
    case Inside::UnknownKey:
      head_raw_ += raw;
      break;
    case Inside::Copied:
    case Inside::Credential:
      break;
    case Inside::Nothing:
      return;
  }
  if (head_.size() > message::kLongestKnownKey) return;
  (void)decoder_.feed(raw.substr(0, 6 * (message::kLongestKnownKey + 1)),
                      head_);  // the scanner has judged the escapes
  if (inside_ == Inside::UnknownKey && head_.size() > message::kLongestKnownKey) decide_key(out);
}

void JsonEditor::decide_key(Edited& out) {
  context_.clear();
  if (!walker_.key(head_)) {
    inside_ = Inside::Copied;
    out.append(head_raw_);
    return;
  }
  if (head_.size() <= message::kLongestKnownKey) context_ = "\"" + head_ + "\": \"";
  start_text(Zone::Text);
  filter_->feed(head_raw_, out);
}

void JsonEditor::finish_text(Edited& out) {
  if (is(plain_, filter_) || is(other_, filter_) || pieces_->ends()) filter_->finish(out);
}

void JsonEditor::end_text(Edited& out) {
  finish_text(out);
  if (out.blocked) return;  // as above
  filter_ = nullptr;
  other_.reset();
}

void JsonEditor::end_string(Edited& out) {
  if (inside_ == Inside::UnknownKey) decide_key(out);
  if (out.blocked) return;
  if (inside_ == Inside::Edited) {
    end_text(out);
    if (out.blocked) return;
  } else if (!in_key_) {
    walker_.string_value(head_);
  }
  inside_ = Inside::Nothing;
  after_key_ = in_key_;
}

// Outside of edited text every byte of the input goes out as it came.
void JsonEditor::copy(std::uint64_t until, Edited& out) {
  const std::string_view bytes = input_.substr(static_cast<std::size_t>(at_ - input_at_),
                                               static_cast<std::size_t>(until - at_));
  if (inside_ == Inside::Nothing) note(bytes);
  out.append(bytes);
  at_ = until;
}

void JsonEditor::note(std::string_view structure) {
  for (const char c : structure) {
    if (static_cast<unsigned char>(c) >= 0x80) ++mark_;
    if (is_word(c)) {
      word_ += c;
      continue;
    }
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || static_cast<unsigned char>(c) >= 0x80) {
      if (!word_.empty()) last_ = word_.back();
      word_.clear();
      continue;
    }
    word_.clear();
    last_ = c;
    if (c == '{' || c == '[') open_ += c;
    if ((c == '}' || c == ']') && !open_.empty()) open_.pop_back();
    if (c == ':') after_key_ = false;
  }
}

std::size_t JsonEditor::held() const { return other_ ? other_->held() : 0; }

std::string_view JsonEditor::rest_of_mark() const {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  return mark_ == 0 ? "" : kByteOrderMark.substr(std::min(mark_, kByteOrderMark.size()));
}

std::string JsonEditor::close(std::string_view notice) {
  std::string end;
  const auto quoted = [&end](std::string_view text) {
    end += '"';
    wire::append_json_escaped(text, end);
    end += '"';
  };
  const auto element = [&] {
    if (open_.back() == '{') end += R"("notice":)";
    quoted(notice);
  };
  if (inside_ != Inside::Nothing) {
    // An edited text holds the beginning of an escape back, until a fault has shown that it is
    // none.
    const bool open_escape =
        inside_ == Inside::Copied || inside_ == Inside::Credential || !fault_.empty();
    if (open_escape && escape_ == 1) end += '\\';
    if (open_escape && escape_ > 1) end.append(6 - escape_, '0');
    const bool text = inside_ == Inside::Edited && !in_key_;
    const bool room = text && filter_->takes_notice();
    if (room) wire::append_json_escaped(notice, end);
    if (text && !room) end += filter_->close();
    end += in_key_ ? "\":null" : "\"";
    if (text && !room && !open_.empty()) {
      end += ',';
      element();
    }
  } else if (!word_.empty()) {
    end += word_end(word_);
  } else if (after_key_) {
    end += ":null";
  } else if (last_ == ':' || last_ == '\0') {
    end += "null";
  } else if (last_ == ',') {
    element();
  }
  for (auto bracket = open_.rbegin(); bracket != open_.rend(); ++bracket)
    end += *bracket == '{' ? '}' : ']';
  return end;
}

}  // namespace veilwire::flow
