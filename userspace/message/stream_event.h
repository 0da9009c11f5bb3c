// What the data of one server-sent event of the Messages API says about the stream.
// Tested by tests/unit/message/stream_event_test.cpp.
#pragma once

#include "userspace/wire/json_scanner.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace veilwire::message {

struct StreamEvent {
  enum class Kind : std::uint8_t {
    MessageStart,
    BlockStart,
    BlockDelta,
    BlockStop,
    MessageDelta,
    MessageStop,
    Ping,
    Error,
    Preview,  // event_delta of a session
    Other,
  };
  Kind kind = Kind::Other;
  std::optional<std::uint32_t> index;  // of the content block
  std::string type;  // of the delta or of the block that starts: "text_delta", "tool_use"
  std::string id;    // of a session's event; of the event that a preview belongs to
  // JSON text of delta.encrypted_content: a client keeps the last one that it saw, so each delta
  // must repeat it.
  std::string encrypted_content;
  // One of the texts that go on from event to event stands in it twice: which of them counts
  // depends on the reader.
  bool repeats_text = false;
};

// name: of the event's `event` line; it counts where the data has no type of its own. Nothing where
// data is not JSON.
std::optional<StreamEvent> read_stream_event(std::string_view name, std::string_view data);
// data: as a scanner has given it, without a fault.
StreamEvent read_stream_event(std::string_view name, std::span<const wire::JsonEvent> data);

}  // namespace veilwire::message
