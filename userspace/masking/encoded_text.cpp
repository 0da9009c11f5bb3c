#include "userspace/masking/encoded_text.h"

#include "userspace/masking/raw_queue.h"
#include "userspace/masking/text_masker.h"
#include "userspace/wire/json_scanner.h"

#include <algorithm>
#include <utility>

namespace veilwire::masking {
namespace {

// A key longer than this says nothing about its value.
constexpr std::size_t kLongestKey = 128;
// Events are gathered for so much of the document at a time.
constexpr std::size_t kSlice = 4096;
// A quote in the inner document.
constexpr std::string_view kQuote = "\\\"";

wire::JsonOptions inner_document() {
  wire::JsonOptions options;
  options.utf8 = wire::Utf8::Surrogates;
  options.fragment = true;
  return options;
}

}  // namespace

struct EncodedTextMasker::State {
  State(std::shared_ptr<const Engine> engine, Encoding e) : encoding(e), text(std::move(engine)) {}

  Encoding encoding;
  TextMasker text;
  Edits edits;
  std::uint64_t context_size = 0;
  std::uint64_t context_left = 0;  // bytes of context that edits have not covered yet
  bool blocked = false;
  std::uint64_t released = 0;  // decoded bytes of the text that went out, masks and all
  std::uint64_t mask_at = 0;   // of the mask that was written last

  RawQueue outer;  // decodes to the text or the document
  std::string decoded;

  // JsonInJsonString
  wire::JsonScanner scanner{inner_document()};
  std::vector<wire::JsonEvent> events;
  RawQueue inner;  // the document's bytes of the open string; decodes to the text
  std::string inner_decoded;
  std::uint64_t document_at = 0;  // the document is through up to here
  bool in_string = false;
  bool in_key = false;
  bool no_json = false;     // a fault was met: the rest is one text
  std::string key;          // of the value that comes next
  std::string mask;         // that was written last
  std::string open_number;  // what has come of a number

  void judge(std::string_view piece, EncodedOutput& out);
  void end_text(EncodedOutput& out);
  void apply(EncodedOutput& out);
  void pass_document(std::uint64_t to, EncodedOutput& out);
  void document(std::string_view piece, EncodedOutput& out);
  void on(const wire::JsonEvent& event, EncodedOutput& out);
  void number(std::uint64_t offset, std::string_view digits, EncodedOutput& out);
  void begin_context(std::string_view context, EncodedOutput& out);
  void flush(EncodedOutput& out);
  bool nested() const { return encoding == Encoding::JsonInJsonString && !no_json; }
};

// Carries the edits over to the raw bytes.
void EncodedTextMasker::State::apply(EncodedOutput& out) {
  for (Edit& edit : edits.list) {
    const std::uint64_t context = std::min(context_left, edit.consumed);
    context_left -= context;
    const Finding* found = edit.finding != SIZE_MAX ? &edits.findings[edit.finding] : nullptr;
    // What lies within the context is not the caller's.
    const bool only_said = edit.consumed == 0 && found->offset + found->length > context_size;
    if (edit.consumed == context && !only_said) continue;
    if (edit.replaced && found != nullptr && found->treatment == Treatment::Block) {
      out.masks.push_back({*found, out.raw.size(), 0});
      out.blocked = blocked = true;
      break;
    }
    std::size_t bytes = edit.consumed - context;
    if (nested()) {
      bytes = inner.pop(bytes);
      inner.drop(bytes);
      document_at += bytes;
    }
    const std::size_t raw = outer.pop(bytes);
    if (!edit.replaced) {
      out.raw += outer.raw().substr(0, raw);
      released += edit.consumed - context;
    } else if (!edit.replacement.empty()) {
      mask = edit.replacement;
      mask_at = released;
      released += mask.size();
      const std::size_t offset = out.raw.size();
      if (encoding == Encoding::Plain) {
        out.raw += edit.replacement;
      } else if (encoding == Encoding::JsonString || no_json) {
        wire::append_json_escaped(edit.replacement, out.raw);
      } else {
        std::string once;
        wire::append_json_escaped(edit.replacement, once);
        wire::append_json_escaped(once, out.raw);
      }
      if (found != nullptr) out.masks.push_back({*found, offset, out.raw.size() - offset});
    }
    outer.drop(raw);
    if (!edit.replaced) continue;
    edit.original.erase(0, context);
    out.originals.push_back({mask, std::move(edit.original), edit.replacement.empty(), mask_at});
  }
  for (const Finding& f : edits.findings) {
    if (f.closes && !blocked) out.masks.push_back({f, out.raw.size(), 0});
  }
  edits.clear();
}

void EncodedTextMasker::State::judge(std::string_view piece, EncodedOutput& out) {
  text.feed(piece, edits);
  apply(out);
}

void EncodedTextMasker::State::end_text(EncodedOutput& out) {
  text.finish(edits);
  apply(out);
  text.restart();
  context_left = context_size = released = 0;
}

void EncodedTextMasker::State::begin_context(std::string_view context, EncodedOutput& out) {
  if (context.empty()) return;
  context_left = context_size = context.size();
  judge(context, out);
}

// Lets the document go on up to a position, outside strings.
void EncodedTextMasker::State::pass_document(std::uint64_t to, EncodedOutput& out) {
  if (to <= document_at) return;
  const std::size_t raw = outer.pop(to - document_at);
  out.raw += outer.raw().substr(0, raw);
  outer.drop(raw);
  document_at = to;
}

void EncodedTextMasker::State::on(const wire::JsonEvent& event, EncodedOutput& out) {
  using Kind = wire::JsonEvent::Kind;
  switch (event.kind) {
    case Kind::BeginKey:
    case Kind::BeginString:
      pass_document(event.offset + 1, out);
      in_string = true;
      in_key = event.kind == Kind::BeginKey;
      if (in_key) {
        key.clear();
      } else if (!key.empty()) {
        begin_context("\"" + key + "\": \"", out);
      }
      return;
    case Kind::Piece:
      inner_decoded.clear();
      inner.push_json(event.bytes, inner_decoded);
      if (in_key && key.size() <= kLongestKey) key += inner_decoded;
      return judge(inner_decoded, out);
    case Kind::EndKey:
    case Kind::EndString:
      end_text(out);
      inner.clear();
      in_string = false;
      if (key.size() > kLongestKey) key.clear();
      return;
    case Kind::EndObject:
      return key.clear();
    case Kind::Number:
      return number(event.offset, event.bytes, out);
    default:
      return;
  }
}

// As the text of a string: a finding puts it between quotes.
void EncodedTextMasker::State::number(std::uint64_t offset, std::string_view digits,
                                      EncodedOutput& out) {
  pass_document(offset, out);
  open_number.clear();
  if (digits.size() < kShortestNumber) return;
  // As in `"card": 4111111111111111`.
  const std::string context = key.empty() ? "" : "\"" + key + "\": ";
  context_left = context_size = context.size();
  text.feed(context, edits);
  text.feed(digits, edits);
  text.finish(edits);
  text.restart();
  const auto here = [this](const Finding& f) { return f.offset + f.length > context_size; };
  const auto block = std::ranges::find_if(
      edits.findings, [&](const Finding& f) { return here(f) && f.treatment == Treatment::Block; });
  if (block != edits.findings.end()) {
    out.masks.push_back({*block, out.raw.size(), 0});
    out.blocked = blocked = true;
    return;
  }
  if (std::ranges::none_of(edits.findings, here)) {
    edits.clear();
    context_left = context_size = 0;
    return;
  }
  std::string whole;
  std::uint64_t covered = 0;
  for (const Edit& edit : edits.list) {
    const std::uint64_t begin = std::max(covered, context_size);
    covered += edit.consumed;
    if (covered <= context_size) continue;
    whole += edit.replaced ? edit.replacement
                           : digits.substr(static_cast<std::size_t>(begin - context_size),
                                           static_cast<std::size_t>(covered - begin));
  }
  const std::size_t first = out.originals.size();
  inner.push_plain(digits);
  out.raw += kQuote;
  apply(out);
  out.raw += kQuote;
  out.originals.resize(first);
  out.originals.push_back({std::move(whole), std::string(digits), false, 0, true});
  inner.clear();
  context_left = context_size = released = 0;
}

void EncodedTextMasker::State::document(std::string_view piece, EncodedOutput& out) {
  while (!piece.empty() && !no_json && !blocked) {
    const std::string_view slice = piece.substr(0, kSlice);
    piece.remove_prefix(slice.size());
    const std::uint64_t end = scanner.offset() + slice.size();
    events.clear();
    const auto scanned = scanner.feed(slice, events);
    for (const wire::JsonEvent& event : events) {
      on(event, out);
      if (blocked) return;
    }
    if (scanned) {
      const std::size_t open = scanner.open_number();
      if (open <= slice.size()) open_number.clear();
      open_number += slice.substr(slice.size() - std::min(open, slice.size()));
      if (!in_string) pass_document(end - open, out);
      continue;
    }
    // What the scanner has not reported is one text from here on, with all that follows.
    if (in_string) end_text(out);
    if (blocked) return;
    inner.clear();
    const std::uint64_t begin = end - slice.size();
    if (open_number.empty()) pass_document(begin, out);
    no_json = true;
    judge(std::exchange(open_number, {}), out);
    if (blocked) return;
    judge(slice.substr(static_cast<std::size_t>(std::max(document_at, begin) - begin)), out);
  }
  if (no_json && !blocked) judge(piece, out);
}

void EncodedTextMasker::State::flush(EncodedOutput& out) {
  out.raw += outer.raw();
  outer.clear();
}

EncodedTextMasker::EncodedTextMasker(std::shared_ptr<const Engine> engine, Encoding encoding,
                                     std::string_view context)
    : state_(std::make_unique<State>(std::move(engine), encoding)) {
  EncodedOutput nothing;
  if (encoding != Encoding::JsonInJsonString) state_->begin_context(context, nothing);
}
EncodedTextMasker::EncodedTextMasker(EncodedTextMasker&&) noexcept = default;
EncodedTextMasker& EncodedTextMasker::operator=(EncodedTextMasker&&) noexcept = default;
EncodedTextMasker::~EncodedTextMasker() = default;

void EncodedTextMasker::feed(std::string_view raw, EncodedOutput& out) {
  State& s = *state_;
  if (s.blocked) return;
  if (s.encoding == Encoding::Plain) {
    s.outer.push_plain(raw);
    return s.judge(raw, out);
  }
  s.decoded.clear();
  s.outer.push_json(raw, s.decoded);
  if (s.nested()) return s.document(s.decoded, out);
  s.judge(s.decoded, out);
}

void EncodedTextMasker::finish(EncodedOutput& out) {
  State& s = *state_;
  if (s.blocked) return;
  if (!s.open_number.empty())
    s.number(s.scanner.offset() - s.open_number.size(), std::string(s.open_number), out);
  if (s.blocked) return;
  if (!s.nested() || s.in_string) s.end_text(out);
  if (!s.blocked) s.flush(out);
}

void EncodedTextMasker::restart(std::string_view context) {
  State& s = *state_;
  if (s.blocked) return;
  EncodedOutput nothing;
  s.begin_context(context, nothing);
}

void EncodedTextMasker::adopt(std::shared_ptr<const Engine> engine, EncodedOutput& out) {
  State& s = *state_;
  if (s.blocked) return;
  s.text.adopt(std::move(engine), s.edits);
  s.apply(out);
}

bool EncodedTextMasker::holding() const { return !state_->blocked && !state_->outer.empty(); }

}  // namespace veilwire::masking
