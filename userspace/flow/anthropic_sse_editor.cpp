#include "userspace/flow/anthropic_sse_editor.h"

#include "userspace/base/limits.h"
#include "userspace/flow/notice.h"

#include <algorithm>
#include <iterator>

namespace veilwire::flow {
namespace {

using message::StreamEvent;
using message::Zone;
using Kind = StreamEvent::Kind;

// Bytes of an event's data that are scanned once, and scanner's events that room is kept for.
constexpr std::size_t kOneScan = 4096;
constexpr std::size_t kKeptEvents = 256;

// In which member of a delta the text goes on, and which type of delta brings it.
std::string_view member_of(Zone zone) {
  switch (zone) {
    case Zone::ThinkingPiece:
      return "thinking";
    case Zone::InputPiece:
      return "partial_json";
    default:
      return "text";
  }
}
std::string_view delta_of(Zone zone) {
  switch (zone) {
    case Zone::ThinkingPiece:
      return "thinking_delta";
    case Zone::InputPiece:
      return "input_json_delta";
    default:
      return "text_delta";
  }
}

// A client takes no other member of a type that it knows. What a type will be that is newer than
// this is open: its texts are joined, each by itself.
bool joins(std::string_view delta, Zone zone) {
  constexpr std::string_view kKnown[] = {"text_delta",      "thinking_delta",  "input_json_delta",
                                         "citations_delta", "signature_delta", "compaction_delta"};
  if (delta == delta_of(zone)) return true;
  return !delta.empty() && std::ranges::find(kKnown, delta) == std::end(kKnown);
}

TextFilter::Form form_of(Zone zone) {
  return zone == Zone::InputPiece ? TextFilter::Form::JsonInJsonString
                                  : TextFilter::Form::JsonString;
}

}  // namespace

std::string AnthropicSseEditor::edit(const wire::SseEvent& event, Edited& out) {
  if (event.mark_inside) return "a byte order mark inside of the stream";
  // The official SDK keeps such a name for the event behind.
  if (event.name && event.name->size == 0) return "an event with an empty name";
  const std::string data = event.data_text();
  // Blanks are no JSON to clients, which end there.
  if (data.empty()) {
    give_unedited_data(event, out);
    return {};
  }
  const std::string_view name = event.name ? event.text(*event.name) : std::string_view();
  // What the event says has to be known before its text is edited. One scan serves both where the
  // events of the scanner are few; each byte may be one.
  const bool one_scan = data.size() <= kOneScan;
  wire::JsonScanner scanner({.utf8 = wire::Utf8::Any});
  std::optional<StreamEvent> facts;
  if (!one_scan) {
    facts = message::read_stream_event(name, data);
  } else {
    scanned_.clear();
    if (scanner.feed(data, scanned_) && scanner.finish(scanned_))
      facts = message::read_stream_event(name, scanned_);
  }
  if (!facts) return "data of an event is not JSON";
  if (!facts->fault.empty()) return std::string(facts->fault);
  if (std::string wrong = misplaced(*facts, !name.empty()); !wrong.empty()) return wrong;

  end_texts_before(*facts, out);
  if (out.blocked) return {};

  current_ = &*facts;
  JsonEditor json(Zone::AnthropicEvent, engine(), this);
  Edited edited;
  bool good = true;
  if (one_scan) {
    json.edit_scanned(data, scanned_, edited);
    if (scanned_.capacity() > kKeptEvents) scanned_ = {};
  } else {
    good = json.feed(data, edited) && (edited.blocked || json.finish(edited));
  }
  current_ = nullptr;
  if (!good) return json.fault();
  Edited whole;
  give(event, std::move(edited), whole);
  if (!whole.blocked) {
    if (std::string wrong = follow(*facts, !name.empty()); !wrong.empty()) return wrong;
  }
  out.append(std::move(whole));
  return {};
}

// Where an event stands that clients would join to another text than the one that it is judged
// with: @anthropic-ai/sdk 1.12 (lib/MessageStream.mjs) takes deltas for as long as the stream goes
// on and puts blocks in the order in which they start, whatever their index; Claude Code 2.1.330
// refuses deltas of blocks that are not open.
std::string AnthropicSseEditor::misplaced(const StreamEvent& event, bool named) const {
  if (!event.in_message() && event.kind != Kind::Preview && event.kind != Kind::Completion)
    return {};
  // Events without a name are invisible to SDKs, and all there is to readers that look at data
  // alone: a stream has the one kind or the other.
  if (named_.value_or(named) != named) return "some events have names";
  if (event.kind == Kind::MessageStart) return started_ ? "a message begins twice" : "";
  if (event.kind == Kind::Completion) return over_ ? "text behind its end" : "";
  if (event.kind != Kind::BlockStart && event.kind != Kind::BlockDelta) return {};
  if (!started_ || delta_seen_ || over_) return "text outside of a message";
  if (event.kind == Kind::BlockStart) {
    if (*event.index < next_index_) return "a block begins twice";
    // Deltas go on with the text of whichever block has this place in the order.
    if (event.begins_text && *event.index != blocks_)
      return "a block that begins with text is out of order";
    return {};
  }
  const auto block = open_.find(*event.index);
  if (block == open_.end()) return "a delta of no open block";
  if (block->second.is_signed && event.type == delta_of(Zone::ThinkingPiece))
    return "thinking behind its signature";
  return {};
}

TextFilter* AnthropicSseEditor::piece(Zone zone) {
  if (current_->kind == Kind::Preview) {
    return &previews_
                .try_emplace({current_->id, current_->index.value_or(0)}, form_of(zone), engine())
                .first->second;
  }
  if (current_->kind == Kind::Completion) {
    if (!completion_) completion_.emplace(form_of(zone), engine());
    return joined(*completion_);
  }
  // Clients join by the type of the delta.
  std::string_view type = current_->type;
  if (current_->kind == Kind::BlockStart && type == member_of(zone)) {
    type = delta_of(zone);
  } else if (current_->kind != Kind::BlockDelta || !joins(type, zone)) {
    return nullptr;
  }
  return joined(
      texts_.try_emplace({*current_->index, zone, std::string(type)}, form_of(zone), engine())
          .first->second);
}

TextFilter* AnthropicSseEditor::joined(TextFilter& text) {
  if (is_last()) {
    ended_.push_back(&text);
    if (text.holding()) take_held();
  }
  return &text;
}

// The texts that the event ends, for whoever reads it: nothing of them may come behind it.
void AnthropicSseEditor::end_texts_before(const StreamEvent& event, Edited& out) {
  switch (event.kind) {
    case Kind::BlockStart:
    case Kind::BlockStop:
      return end_texts_of(*event.index, out);
    case Kind::BlockDelta:
      // The signature covers the thinking before it.
      if (event.type == "signature_delta") {
        if (const auto text = texts_.find(
                {*event.index, Zone::ThinkingPiece, std::string(delta_of(Zone::ThinkingPiece))});
            text != texts_.end())
          end_text(text, out);
      }
      return;
    case Kind::MessageDelta:
    case Kind::MessageStop:
    case Kind::Error:
      return end(out);
    case Kind::MessageStart:
    case Kind::Ping:
    case Kind::Preview:
    case Kind::Completion:
    case Kind::Other:
      return;
  }
}

// Takes note of where the stream stands behind the event.
std::string AnthropicSseEditor::follow(const StreamEvent& event, bool named) {
  if (event.in_message() || event.kind == Kind::Preview || event.kind == Kind::Completion)
    named_ = named;
  switch (event.kind) {
    case Kind::MessageStart:
      started_ = true;
      break;
    case Kind::BlockStart:
      open_[*event.index] = {.type = event.type};
      next_index_ = std::uint64_t{*event.index} + 1;
      ++blocks_;
      break;
    case Kind::BlockStop:
      open_.erase(*event.index);
      break;
    case Kind::MessageDelta:
      delta_seen_ = true;
      break;
    case Kind::MessageStop:
    case Kind::Error:
      over_ = true;
      break;
    case Kind::Other:
      if (!started_) foreign_ = true;
      // The whole event is here: its previews are over.
      if (!event.id.empty())
        std::erase_if(previews_, [&](const auto& entry) { return entry.first.first == event.id; });
      break;
    case Kind::Preview:
      foreign_ = true;
      break;
    case Kind::Completion:
      foreign_ = true;
      if (event.ends_text) over_ = true, completion_.reset();
      break;
    case Kind::BlockDelta:
      if (event.type == "signature_delta") open_[*event.index].is_signed = true;
      break;
    case Kind::Ping:
      break;
  }
  if (open_.size() > limits::kContentBlocks || texts_.size() > limits::kContentBlocks)
    return "too many open content blocks";
  if (previews_.size() > limits::kPreviews) return "too many previews";
  return {};
}

void AnthropicSseEditor::end_text(std::map<TextKey, TextFilter>::iterator text, Edited& out) {
  Edited rest;
  text->second.finish(rest);
  add_delta(text->first, std::move(rest), out);
  texts_.erase(text);
}

void AnthropicSseEditor::end_texts_of(std::uint32_t index, Edited& out) {
  for (auto text = texts_.lower_bound({index, Zone{}, {}});
       text != texts_.end() && text->first.index == index && !out.blocked;) {
    end_text(text++, out);
  }
}

void AnthropicSseEditor::end(Edited& out) {
  const auto has_ended = [&](const TextFilter& text) {
    return std::ranges::find(ended_, &text) != ended_.end();
  };
  std::erase_if(texts_, [&](const auto& entry) { return has_ended(entry.second); });
  while (!texts_.empty() && !out.blocked) end_text(texts_.begin(), out);
  if (!completion_ || has_ended(*completion_) || out.blocked) return;
  Edited rest;
  completion_->finish(rest);
  add_completion(std::move(rest), out);
  completion_.reset();
}

void AnthropicSseEditor::on_adopt(Edited& out) {
  for (auto& [key, text] : texts_) {
    Edited freed;
    text.adopt(engine(), freed);
    add_delta(key, std::move(freed), out);
    if (out.blocked) return;
  }
  if (completion_) {
    Edited freed;
    completion_->adopt(engine(), freed);
    add_completion(std::move(freed), out);
    if (out.blocked) return;
  }
  for (auto& [key, filter] : previews_) {
    Edited dropped;
    filter.adopt(engine(), dropped);
  }
}

bool AnthropicSseEditor::texts_settled() const {
  const auto holds = [](const auto& entry) { return entry.second.holding(); };
  return std::ranges::none_of(texts_, holds) && std::ranges::none_of(previews_, holds) &&
         !(completion_ && completion_->holding());
}

void AnthropicSseEditor::add_delta(const TextKey& key, Edited&& content, Edited& out) const {
  add_event("content_block_delta",
            R"({"type":"content_block_delta","index":)" + std::to_string(key.index) +
                R"(,"delta":{"type":)" + json_quote(key.delta) + ",\"" +
                std::string(member_of(key.zone)) + "\":\"",
            std::move(content), "\"}}", out);
}

void AnthropicSseEditor::add_completion(Edited&& content, Edited& out) const {
  add_event("completion", R"({"type":"completion","completion":")", std::move(content),
            R"(","stop_reason":null})", out);
}

// An event of our own, where there is content for it.
void AnthropicSseEditor::add_event(std::string_view name, const std::string& before,
                                   Edited&& content, std::string_view behind, Edited& out) const {
  if (content.blocked) {
    out.blocked = std::move(content.blocked);
    out.blocked->offset = out.bytes.size();
    return;
  }
  if (content.bytes.empty()) return;
  if (named_.value_or(true)) {
    out.append("event: ");
    out.append(name);
    out.append(eol());
  }
  out.append("data: ");
  out.append(before);
  out.append(std::move(content));
  out.append(behind);
  out.append(eol());
  out.append(eol());
}

std::string AnthropicSseEditor::event(std::string_view name, std::string_view data) const {
  std::string raw = "event: ";
  return raw.append(name).append(eol()).append("data: ").append(data).append(eol()).append(eol());
}

// Readers of this API stop at an error wherever it stands; behind the end it would be of no answer.
std::optional<std::string> AnthropicSseEditor::error_end(std::string_view kind,
                                                         std::string_view message) {
  return over_ ? std::string() : event("error", anthropic_error(kind, message));
}

std::string AnthropicSseEditor::close(std::string_view notice) {
  if (over_) return {};
  // Not a message but, say, the events of a session: an error is the one end that every reader of
  // this API knows.
  if (foreign_ && !started_) return event("error", anthropic_error("permission_error", notice));

  std::string end;
  if (!started_) {
    end += event("message_start",
                 R"({"type":"message_start","message":{"id":"msg_veilwire","type":"message",)"
                 R"("role":"assistant","model":"veilwire","content":[],"stop_reason":null,)"
                 R"("stop_sequence":null,"usage":{"input_tokens":0,"output_tokens":0}}})");
  }
  for (const auto& [index, block] : open_) {
    const std::string at = std::to_string(index);
    // A tool must not run on what has come of its input, nor on no input at all where nothing has:
    // what was begun here never ends, so no reader takes the input for a whole document.
    if (block.type == "tool_use" && !delta_seen_) {
      end += event("content_block_delta",
                   R"({"type":"content_block_delta","index":)" + at +
                       R"(,"delta":{"type":"input_json_delta","partial_json":"{\""}})");
    }
    end += event("content_block_stop", R"({"type":"content_block_stop","index":)" + at + "}");
  }
  if (!delta_seen_) {
    const std::string at = std::to_string(next_index_);
    end += event("content_block_start", R"({"type":"content_block_start","index":)" + at +
                                            R"(,"content_block":{"type":"text","text":""}})");
    end += event("content_block_delta", R"({"type":"content_block_delta","index":)" + at +
                                            R"(,"delta":{"type":"text_delta","text":)" +
                                            json_quote(notice) + "}}");
    end += event("content_block_stop", R"({"type":"content_block_stop","index":)" + at + "}");
    end +=
        event("message_delta",
              R"({"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},)"
              R"("usage":{"output_tokens":0}})");
  }
  return end + event("message_stop", R"({"type":"message_stop"})");
}

}  // namespace veilwire::flow
