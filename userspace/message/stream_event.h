// What one server-sent event of the Messages API says about the stream, and whether all of its
// readers agree on that: the official SDKs go by the event's name and by members of its data, join
// text with whatever JavaScript makes of it, and skip what they do not know.
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
    Preview,     // event_delta of a session
    Completion,  // of the Text Completions API, which came before: all of its text is one
    Other,
  };
  Kind kind = Kind::Other;
  std::optional<std::uint32_t> index;  // of the content block
  std::string type;          // of the delta or of the block that starts: "text_delta", "tool_use"
  std::string id;            // of a session's event; of the event that a preview belongs to
  bool begins_text = false;  // of a block that starts: some of its text is here
  bool ends_text = false;    // of a completion: it is the last
  // Why readers may disagree on what the event is or which text it goes on with; nothing of it may
  // be released then. Empty for every event that the API sends.
  std::string_view fault;

  // Of a message, so that SDKs accumulate it.
  bool in_message() const { return kind <= Kind::MessageStop; }
};

// name: of the event's `event` line, or empty; it counts where the data has no type of its own.
// Nothing where data is not JSON.
std::optional<StreamEvent> read_stream_event(std::string_view name, std::string_view data);
// data: as a scanner has given it, without a fault.
StreamEvent read_stream_event(std::string_view name, std::span<const wire::JsonEvent> data);

}  // namespace veilwire::message
