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
  };
  for (const auto& [name, kind] : kKinds) {
    if (name == type) return kind;
  }
  return Kind::Other;
}

enum { Type, Index, DeltaType, BlockType, Id, EventId, DeltaIndex, Encrypted, FirstText };

auto all_picks() {
  std::array picks{
      Pick{"type"}, Pick{"index"}, Pick{"delta", "type"}, Pick{"content_block", "type"}, Pick{"id"},
      Pick{"event_id"}, Pick{"delta", "index"}, Pick{"delta", "encrypted_content"},
      // The positions of message::is_piece().
      Pick{"delta", "text"}, Pick{"delta", "thinking"}, Pick{"delta", "partial_json"},
      Pick{"delta", "content"}, Pick{"delta", "content", "text"}, Pick{"content_block", "text"},
      Pick{"content_block", "thinking"}, Pick{"content_block", "content"}};
  for (std::size_t i = FirstText; i < picks.size(); ++i) picks[i].limit = 0;
  picks[Encrypted].limit = limits::kSseEvent;
  return picks;
}

StreamEvent from(std::string_view name, std::span<Pick> picks) {
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
  if (picks[Encrypted].json != "null") event.encrypted_content = std::move(picks[Encrypted].json);
  for (std::size_t i = FirstText; i < picks.size(); ++i) event.repeats_text |= picks[i].count > 1;
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
