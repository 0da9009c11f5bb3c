#include "userspace/flow/anthropic_sse_editor.h"

#include "userspace/base/limits.h"
#include "userspace/flow/notice.h"
#include "userspace/flow/sse_edit.h"

#include <algorithm>

namespace veilwire::flow {
namespace {

using message::StreamEvent;
using message::Zone;
using Kind = StreamEvent::Kind;

// Bytes of an event's data that are scanned once, and scanner's events that room is kept for.
constexpr std::size_t kOneScan = 4096;
constexpr std::size_t kKeptEvents = 256;

struct DeltaShape {
  std::string_view type, member;
};
DeltaShape shape_of(Zone zone) {
  switch (zone) {
    case Zone::ThinkingPiece:
      return {"thinking_delta", "thinking"};
    case Zone::InputPiece:
      return {"input_json_delta", "partial_json"};
    case Zone::CompactionPiece:
      return {"compaction_delta", "content"};
    default:
      return {"text_delta", "text"};
  }
}

TextFilter::Form form_of(Zone zone) {
  return zone == Zone::InputPiece ? TextFilter::Form::JsonInJsonString
                                  : TextFilter::Form::JsonString;
}

}  // namespace

std::string AnthropicSseEditor::edit(const wire::SseEvent& event, Edited& out) {
  const std::string data = event.data_text();
  if (data.find_first_not_of(" \t\r\n") == std::string::npos) {
    out.append(event.raw);
    return {};
  }
  // What the event says has to be known before its text is edited. One scan serves both where the
  // events of the scanner are few; each byte may be one.
  const bool one_scan = data.size() <= kOneScan;
  wire::JsonScanner scanner({.utf8 = wire::Utf8::Any});
  std::optional<StreamEvent> facts;
  if (!one_scan) {
    facts = message::read_stream_event(event.type(), data);
  } else {
    scanned_.clear();
    if (scanner.feed(data, scanned_) && scanner.finish(scanned_))
      facts = message::read_stream_event(event.type(), scanned_);
  }
  if (!facts) return "data of an event is not JSON";
  if (facts->repeats_text) return "an event has the same text twice";

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
  if (edited.blocked) {
    out.blocked = std::move(edited.blocked);
    out.blocked->offset = out.bytes.size();
    return {};
  }
  if (std::string wrong = follow(*facts); !wrong.empty()) return wrong;
  out.append(with_data(event, std::move(edited)));
  return {};
}

TextFilter* AnthropicSseEditor::piece(Zone zone) {
  if (current_->kind == Kind::Preview) {
    const std::string key = current_->id + '\n' + std::to_string(current_->index.value_or(0));
    return &previews_.try_emplace(key, form_of(zone), engine()).first->second;
  }
  const bool in_block = current_->kind == Kind::BlockStart || current_->kind == Kind::BlockDelta;
  if (!in_block || !current_->index) return nullptr;
  const auto [text, added] =
      texts_.try_emplace({*current_->index, zone}, Text{TextFilter(form_of(zone), engine()), {}});
  if (zone == Zone::CompactionPiece) text->second.encrypted_content = current_->encrypted_content;
  return &text->second.filter;
}

// The texts that the event ends, for whoever reads it: nothing of them may come behind it.
void AnthropicSseEditor::end_texts_before(const StreamEvent& event, Edited& out) {
  switch (event.kind) {
    case Kind::BlockStart:
    case Kind::BlockStop:
      if (event.index) end_texts_of(*event.index, out);
      return;
    case Kind::BlockDelta:
      // The signature covers the thinking before it.
      if (event.type == "signature_delta" && event.index) {
        if (const auto text = texts_.find({*event.index, Zone::ThinkingPiece});
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
    case Kind::Other:
      return;
  }
}

// Takes note of where the stream stands behind the event.
std::string AnthropicSseEditor::follow(const StreamEvent& event) {
  switch (event.kind) {
    case Kind::MessageStart:
      started_ = true;
      break;
    case Kind::BlockStart:
      if (event.index) {
        open_[*event.index] = event.type;
        next_index_ = std::max(next_index_, *event.index + 1);
      }
      break;
    case Kind::BlockStop:
      if (event.index) open_.erase(*event.index);
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
        std::erase_if(previews_,
                      [&](const auto& entry) { return entry.first.starts_with(event.id + '\n'); });
      break;
    case Kind::Preview:
      foreign_ = true;
      break;
    case Kind::BlockDelta:
    case Kind::Ping:
      break;
  }
  if (open_.size() > limits::kContentBlocks || texts_.size() > limits::kContentBlocks ||
      previews_.size() > limits::kContentBlocks) {
    return "too many open content blocks";
  }
  return {};
}

void AnthropicSseEditor::end_text(std::map<TextKey, Text>::iterator text, Edited& out) {
  Edited rest;
  text->second.filter.finish(rest);
  add_delta(text->first, text->second, std::move(rest), out);
  texts_.erase(text);
}

void AnthropicSseEditor::end_texts_of(std::uint32_t index, Edited& out) {
  for (auto text = texts_.lower_bound({index, Zone{}});
       text != texts_.end() && text->first.first == index && !out.blocked;) {
    end_text(text++, out);
  }
}

void AnthropicSseEditor::end(Edited& out) {
  while (!texts_.empty() && !out.blocked) end_text(texts_.begin(), out);
}

void AnthropicSseEditor::on_adopt(Edited& out) {
  for (auto& [key, text] : texts_) {
    Edited freed;
    text.filter.adopt(engine(), freed);
    add_delta(key, text, std::move(freed), out);
    if (out.blocked) return;
  }
  for (auto& [key, filter] : previews_) {
    Edited dropped;
    filter.adopt(engine(), dropped);
  }
}

void AnthropicSseEditor::add_delta(const TextKey& key, const Text& text, Edited&& content,
                                   Edited& out) const {
  if (content.blocked) {
    out.blocked = std::move(content.blocked);
    out.blocked->offset = out.bytes.size();
    return;
  }
  if (content.bytes.empty()) return;
  const DeltaShape shape = shape_of(key.second);
  out.append("event: content_block_delta");
  out.append(eol());
  out.append(R"(data: {"type":"content_block_delta","index":)" + std::to_string(key.first) +
             R"(,"delta":{"type":")");
  out.append(shape.type);
  out.append("\",\"");
  out.append(shape.member);
  out.append("\":\"");
  out.append(std::move(content));
  out.append("\"");
  if (key.second == Zone::CompactionPiece) {
    out.append(R"(,"encrypted_content":)");
    out.append(text.encrypted_content.empty() ? "null" : text.encrypted_content);
  }
  out.append("}}");
  out.append(eol());
  out.append(eol());
}

std::string AnthropicSseEditor::event(std::string_view name, std::string_view data) const {
  std::string raw = "event: ";
  return raw.append(name).append(eol()).append("data: ").append(data).append(eol()).append(eol());
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
  for (const auto& [index, type] : open_) {
    const std::string at = std::to_string(index);
    // A tool must not run on what has come of its input, nor on no input at all where nothing has:
    // what was begun here never ends, so no reader takes the input for a whole document.
    if (type == "tool_use" && !delta_seen_) {
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
