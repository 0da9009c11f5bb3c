#include "userspace/flow/conversation.h"

#include "userspace/masking/raw_queue.h"
#include "userspace/wire/json_scanner.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <set>
#include <span>
#include <utility>

namespace veilwire::flow {
namespace {

using Turn = ConversationMemory::Turn;
using EnginePtr = ConversationMemory::EnginePtr;

// The first bytes are enough to tell texts of one conversation apart.
std::uint64_t name_of(const crypto::Digest& said) {
  std::uint64_t name = 0;
  std::memcpy(&name, said.data(), sizeof(name));
  return name;
}

const ConversationMemory::Engines& engines_at(const Turn& turn, std::size_t message) {
  const auto span =
      std::ranges::find_if(turn.spans, [&](const auto& one) { return message < one.messages; });
  return (span == turn.spans.end() ? turn.spans.back() : *span).engines;
}

// A key or string of an answer.
struct Said {
  std::string_view raw;  // its content, as it stands in the document
  crypto::Digest turn{};
};

// In order; where the element is no JSON, those before that shows.
void add_texts(std::string_view element, const crypto::Digest& turn, std::vector<Said>& texts) {
  using Kind = wire::JsonEvent::Kind;
  constexpr std::size_t kSlice = 4096;
  wire::JsonScanner scanner({.utf8 = wire::Utf8::Any});
  std::vector<wire::JsonEvent> events;
  std::size_t begin = 0;
  for (std::string_view rest = element; !rest.empty();) {
    const std::string_view slice = rest.substr(0, kSlice);
    rest.remove_prefix(slice.size());
    events.clear();
    const bool good = scanner.feed(slice, events).has_value();
    for (const wire::JsonEvent& event : events) {
      const auto at = static_cast<std::size_t>(event.offset);
      if (event.kind == Kind::BeginKey || event.kind == Kind::BeginString) begin = at + 1;
      if (event.kind == Kind::EndKey || event.kind == Kind::EndString)
        texts.push_back({element.substr(begin, at - begin), turn});
    }
    if (!good) return;
  }
}

// Puts originals back into a document, from its beginning on.
class Restorer {
 public:
  explicit Restorer(std::string_view document) : document_(document) {}

  // raw: content of the string that the places are in, behind all of before.
  void restore(std::string_view raw, std::span<const ConversationMemory::Place> places) {
    masking::RawQueue queue;
    std::string decoded;
    queue.push_json(raw, decoded);
    auto at = static_cast<std::size_t>(raw.data() - document_.data());
    std::size_t done = 0;  // decoded bytes
    for (const ConversationMemory::Place& place : places) {
      at += queue.pop(place.at - done);
      const std::size_t end = at + queue.pop(place.size);
      // A number loses its quotes.
      copy_until(place.number ? at - 1 : at);
      if (place.number)
        out_ += place.original;
      else
        wire::append_json_escaped(place.original, out_);
      copied_ = place.number ? end + 1 : end;
      at = end;
      done = place.at + place.size;
    }
  }
  std::optional<std::string> finish() {
    if (copied_ == 0) return std::nullopt;
    copy_until(document_.size());
    return std::move(out_);
  }

 private:
  void copy_until(std::size_t end) { out_ += document_.substr(copied_, end - copied_); }

  std::string_view document_;
  std::string out_;
  std::size_t copied_ = 0;
};

}  // namespace

Conversation::Conversation(std::string_view document, const Setting& setting)
    : document_(document), setting_(setting) {
  for (const RequestElement& where : request_elements(document)) {
    Element element{.where = where, .engine = setting_.engines.request};
    std::optional<crypto::Digest> said;
    if (element.cached()) {
      element.digest = setting_.elements.digest({where.zone, setting_.user}, where.bytes);
      said = setting_.elements.said(element.digest);
    }
    element.said = said ? *said : said_in(where);
    elements_.push_back(std::move(element));
  }

  ends_.push_back(setting_.memory.beginning(setting_.user, setting_.host));
  std::vector<Element*> messages;
  for (Element& element : elements_) {
    if (!element.where.message()) continue;
    messages.push_back(&element);
    ends_.push_back(
        ConversationMemory::behind(ends_.back(), element.where.assistant, element.said));
  }
  // An answer may be several messages in a row.
  std::size_t sent = 0;  // messages up to the end of the last turn that is remembered
  std::shared_ptr<const Turn> turn;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const bool assistant = messages[i]->where.assistant;
    const bool begins = assistant && i > 0 && !messages[i - 1]->where.assistant;
    if (begins) {
      turn = setting_.memory.find(ends_[i], setting_.now);
      if (turn) last_ = turn, sent = i;
      answers_.push_back(turn ? std::optional(ends_[i]) : std::nullopt);
    } else {
      if (!assistant) turn = nullptr;
      answers_.push_back(turn ? answers_.back() : std::nullopt);
    }
    if (turn) messages[i]->engine = turn->spans.back().engines.response;
  }
  if (!last_) return;
  for (std::size_t i = 0; i < sent; ++i)
    if (!answers_[i]) messages[i]->engine = engines_at(*last_, i).request;
  for (Element& element : elements_) {
    if (element.where.message()) continue;
    const auto known = std::ranges::find_if(
        last_->head, [name = name_of(element.said)](const auto& one) { return one.first == name; });
    if (known != last_->head.end()) element.engine = known->second;
  }
}

Conversation Conversation::read_by(const EnginePtr& engine) const {
  Conversation same = *this;
  for (Element& element : same.elements_) element.engine = engine;
  return same;
}

bool Conversation::plain() const {
  return std::ranges::all_of(elements_, [this](const Element& element) {
    return element.engine == setting_.engines.request;
  });
}

std::optional<std::string> Conversation::restored(std::string_view released) const {
  // Most have none, and to ask is all that it costs.
  std::set<crypto::Digest> masked;
  for (const auto& turn : answers_)
    if (turn && setting_.memory.has_masks(*turn)) masked.insert(*turn);
  if (masked.empty()) return std::nullopt;
  std::vector<Said> said;
  std::size_t message = 0;
  for (const RequestElement& element : request_elements(released)) {
    if (!element.message()) continue;
    if (message < answers_.size() && element.assistant && answers_[message] &&
        masked.contains(*answers_[message]))
      add_texts(element.bytes, *answers_[message], said);
    ++message;
  }
  Restorer restorer(released);
  for (auto first = said.begin(); first != said.end();) {
    const auto last =
        std::find_if(first, said.end(), [&](const Said& one) { return one.turn != first->turn; });
    std::vector<std::string> texts;
    for (auto one = first; one != last; ++one) {
      // The scanner has judged the escapes.
      (void)wire::JsonStringDecoder().feed(one->raw, texts.emplace_back());
    }
    const auto places = setting_.memory.originals(first->turn, texts);
    for (auto place = places.begin(); place != places.end();) {
      const auto end = std::find_if(place, places.end(),
                                    [&](const auto& one) { return one.text != place->text; });
      restorer.restore(first[static_cast<std::ptrdiff_t>(place->text)].raw, {place, end});
      place = end;
    }
    first = last;
  }
  return restorer.finish();
}

std::shared_ptr<ConversationMemory::Answer> Conversation::sent() const {
  if (answers_.empty()) return nullptr;
  Turn turn;
  if (last_) turn.spans = last_->spans;
  turn.enforced = !setting_.observed || (last_ && last_->enforced);
  if (!turn.spans.empty() && turn.spans.back().engines == setting_.engines)
    turn.spans.back().messages = answers_.size();
  else
    turn.spans.push_back({answers_.size(), setting_.engines});
  for (const Element& element : elements_)
    if (!element.where.message()) turn.head.emplace_back(name_of(element.said), element.engine);
  return setting_.memory.sent(setting_.user, ends_.back(), std::move(turn), setting_.now);
}

}  // namespace veilwire::flow
