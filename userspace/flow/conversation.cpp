#include "userspace/flow/conversation.h"

#include "userspace/wire/json_scanner.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

namespace veilwire::flow {
namespace {

using Turn = ConversationMemory::Turn;
using EnginePtr = ConversationMemory::EnginePtr;

constexpr std::string_view kMaskBegin = "[MASKED:";
// Longer than a mask with the longest id of a rule.
constexpr std::size_t kLongestMask = 160;

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

struct Mask {
  std::string_view text;
  crypto::Digest turn{};
};

// The masks in one element, in order.
void add_masks(std::string_view element, const crypto::Digest& turn, std::vector<Mask>& masks) {
  for (std::size_t at = 0; (at = element.find(kMaskBegin, at)) != std::string_view::npos;) {
    const std::size_t end = element.substr(at, kLongestMask).find(']');
    if (end == std::string_view::npos) {
      at += kMaskBegin.size();
      continue;
    }
    masks.push_back({element.substr(at, end + 1), turn});
    at += end + 1;
  }
}

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
  // Most have none, and to look for one is all that it costs.
  if (released.find(kMaskBegin) == std::string_view::npos) return std::nullopt;
  std::vector<Mask> masks;
  std::size_t message = 0;
  for (const RequestElement& element : request_elements(released)) {
    if (!element.message()) continue;
    if (message < answers_.size() && element.assistant && answers_[message])
      add_masks(element.bytes, *answers_[message], masks);
    ++message;
  }
  if (masks.empty()) return std::nullopt;
  std::string whole;
  std::size_t copied = 0;
  for (auto first = masks.begin(); first != masks.end();) {
    const auto last = std::find_if(first, masks.end(),
                                   [&](const Mask& mask) { return mask.turn != first->turn; });
    std::vector<std::string_view> texts;
    for (auto mask = first; mask != last; ++mask) texts.push_back(mask->text);
    const auto originals = setting_.memory.originals(first->turn, texts);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (!originals[i]) continue;
      const auto at = static_cast<std::size_t>(texts[i].data() - released.data());
      whole += released.substr(copied, at - copied);
      wire::append_json_escaped(*originals[i], whole);
      copied = at + texts[i].size();
    }
    first = last;
  }
  return whole.append(released.substr(copied));
}

std::shared_ptr<ConversationMemory::Answer> Conversation::sent() const {
  if (answers_.empty()) return nullptr;
  Turn turn;
  if (last_) turn.spans = last_->spans;
  if (!turn.spans.empty() && turn.spans.back().engines == setting_.engines)
    turn.spans.back().messages = answers_.size();
  else
    turn.spans.push_back({answers_.size(), setting_.engines});
  for (const Element& element : elements_)
    if (!element.where.message()) turn.head.emplace_back(name_of(element.said), element.engine);
  return setting_.memory.sent(setting_.user, ends_.back(), std::move(turn), setting_.now);
}

}  // namespace veilwire::flow
