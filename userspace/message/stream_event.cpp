#include "userspace/message/stream_event.h"

#include "userspace/base/limits.h"
#include "userspace/message/pick.h"

#include <array>
#include <charconv>

namespace veilwire::message {
namespace {

using Kind = StreamEvent::Kind;

Kind kind_of(std::string_view type) {
  constexpr std::pair<std::string_view, Kind> kKinds[] = {
      {"content_block_delta", Kind::BlockDelta},
      {"content_block_start", Kind::BlockStart},
      {"content_block_stop", Kind::BlockStop},
      {"message_start", Kind::MessageStart},
      {"message_delta", Kind::MessageDelta},
      {"message_stop", Kind::MessageStop},
      {"ping", Kind::Ping},
      {"error", Kind::Error},
      {"event_delta", Kind::Preview},
      {"completion", Kind::Completion},
  };
  for (const auto& [name, kind] : kKinds) {
    if (name == type) return kind;
  }
  return Kind::Other;
}

enum {
  Type,
  Index,
  DeltaType,
  BlockType,
  Id,
  EventId,
  DeltaIndex,
  PreviewType,
  StopReason,
  // The positions of message::is_piece().
  DeltaText,
  DeltaThinking,
  DeltaInput,
  PreviewText,
  BlockText,
  BlockThinking,
  CompletionText,
  // Where they stand: the last of two counts for a reader, with nothing of the one before.
  Delta,
  DeltaContent,
  Block,
  Message,
  // What the text of a block is joined to besides.
  MessageBlock,
  BlockInput,
};

auto all_picks() {
  std::array picks{Pick{"type"}, Pick{"index"}, Pick{"delta", "type"},
                   Pick{"content_block", "type"}, Pick{"id"}, Pick{"event_id"},
                   Pick{"delta", "index"}, Pick{"delta", "content", "type"}, Pick{"stop_reason"},
                   Pick{"delta", "text"}, Pick{"delta", "thinking"}, Pick{"delta", "partial_json"},
                   Pick{"delta", "content", "text"}, Pick{"content_block", "text"},
                   Pick{"content_block", "thinking"}, Pick{"completion"}, Pick{"delta"},
                   Pick{"delta", "content"}, Pick{"content_block"}, Pick{"message"},
                   Pick{"message", "content", "[]"},
                   // In which @anthropic-ai/sdk keeps what has come of a tool's input
                   // (internal/message-stream-utils.mjs).
                   Pick{"content_block", "__json_buf"}};
  for (std::size_t i = DeltaText; i < picks.size(); ++i) picks[i].limit = 2;  // "" or not
  return picks;
}

bool is_text(const Pick& pick) { return pick.count == 0 || pick.first == '"' || pick.first == 'n'; }

// The names that the API gives its events are their types. A reader that goes by the one must not
// see another stream than a reader that goes by the other.
bool misnamed(Kind kind, std::string_view name, std::string_view type) {
  if (name.empty() || name == type) return false;
  const Kind named = kind_of(name);
  if (named == Kind::Error) return kind <= Kind::MessageStop || kind == Kind::Preview;
  if (named == Kind::Ping && kind == Kind::Preview) return true;
  if (named == Kind::Completion || kind == Kind::Completion) return true;
  return named <= Kind::MessageStop || kind <= Kind::MessageStop || kind == Kind::Error;
}

std::string_view fault_of(const StreamEvent& event, std::span<const Pick> picks) {
  for (const Pick& pick : picks.first(MessageBlock)) {
    if (pick.count > 1) return "a member of an event stands in it twice";
  }
  switch (event.kind) {
    case Kind::MessageStart:
      if (picks[MessageBlock].count != 0) return "a message begins with content";
      return {};
    case Kind::BlockStart:
      if (picks[BlockInput].count != 0) return "a block begins with its input in parts";
      if (!is_text(picks[BlockText]) || !is_text(picks[BlockThinking]))
        return "the text of a block is no string";
      [[fallthrough]];
    case Kind::BlockStop:
      return event.index ? std::string_view() : "an event of a block has no index";
    case Kind::BlockDelta:
      if (!event.index) return "an event of a block has no index";
      for (const auto& [type, text] : {std::pair("text_delta", DeltaText),
                                       {"thinking_delta", DeltaThinking},
                                       {"input_json_delta", DeltaInput}}) {
        if (event.type == type && picks[text].first != '"')
          return "a delta has no string for its text";
      }
      return {};
    case Kind::Preview:
      // The SDK's lib/sessions/accumulate.mjs takes a missing index for 0.
      if (!event.index && picks[DeltaIndex].count != 0 && picks[DeltaIndex].json != "null")
        return "a preview has no index";
      if (picks[PreviewType].text() == "text" ? picks[PreviewText].first != '"'
                                              : !is_text(picks[PreviewText]))
        return "the text of a preview is no string";
      return {};
    case Kind::Completion:
      return picks[CompletionText].first == '"' ? std::string_view()
                                                : "a completion has no string for its text";
    default:
      return {};
  }
}

StreamEvent from(std::string_view name, std::span<const Pick> picks) {
  StreamEvent event;
  const std::string type = picks[Type].text();
  event.kind = kind_of(type.empty() ? name : type);
  const bool preview = event.kind == Kind::Preview;
  const std::string& index = preview ? picks[DeltaIndex].json : picks[Index].json;
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(index.data(), index.data() + index.size(), value);
  if (error == std::errc() && !index.empty() && end == index.data() + index.size())
    event.index = value;
  event.type = event.kind == Kind::BlockStart ? picks[BlockType].text() : picks[DeltaType].text();
  event.id = preview ? picks[EventId].text() : picks[Id].text();
  const auto holds_text = [](const Pick& pick) { return pick.first == '"' && pick.json.empty(); };
  event.begins_text = event.kind == Kind::BlockStart &&
                      (holds_text(picks[BlockText]) || holds_text(picks[BlockThinking]));
  event.ends_text = event.kind == Kind::Completion && picks[StopReason].count != 0 &&
                    picks[StopReason].json != "null";
  event.fault =
      misnamed(event.kind, name, type) ? "an event's name is not its type" : fault_of(event, picks);
  // Every reader ends at an event of this name.
  if (event.fault.empty() && kind_of(name) == Kind::Error) event.kind = Kind::Error;
  return event;
}

}  // namespace

std::optional<StreamEvent> read_stream_event(std::string_view name, std::string_view data) {
  auto picks = all_picks();
  if (!pick(data, picks)) return std::nullopt;
  return from(name, picks);
}

StreamEvent read_stream_event(std::string_view name, std::span<const wire::JsonEvent> data) {
  auto picks = all_picks();
  pick(data, picks);
  return from(name, picks);
}

}  // namespace veilwire::message
