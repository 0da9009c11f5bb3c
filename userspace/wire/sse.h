// Splits a stream of server-sent events (WHATWG HTML, 9.2.6) into events that keep their bytes:
// line ends of each kind, byte order mark, comments and white space survive, so whoever forwards
// `raw` of each event forwards the stream.
//
// Nothing is held longer than its meaning is open: a comment between events is given at once (it
// keeps the client's patience), and an event whose blank line ends in CR does not wait for the LF
// that may follow. That LF then comes as an event of its own without any field. Tested by
// tests/unit/wire/sse_test.cpp.
#pragma once

#include "userspace/base/limits.h"
#include "userspace/base/result.h"
#include "userspace/wire/http.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::wire {

enum class SseError {
  EventTooLarge,  // more than the limit without the end of an event
};
std::string_view to_string(SseError error);

struct SseEvent {
  std::string raw;            // all bytes since the event before, the blank line included
  std::vector<Span> data;     // in raw: the value of each data line, in order
  std::optional<Span> name;   // in raw: the value of the last `event` line
  std::optional<Span> id;     // in raw: the value of the last `id` line that holds no NUL
  std::optional<Span> retry;  // in raw: the value of the last `retry` line of digits alone
  // In raw: comments, lines of no field, and values that count for nothing: of those lines alone
  // that a client takes nothing from.
  std::vector<Span> unread;
  // A line that is not the stream's first begins with a byte order mark. To WHATWG that is a field
  // of an odd name; the SDKs of the Messages API skip the mark on every line (@anthropic-ai/sdk
  // 1.12, core/streaming.mjs).
  bool mark_inside = false;
  // The stream begins with the characters whose Latin-1 codes are a byte order mark's bytes:
  // eventsource-parser, which the MCP SDKs read with, skips them as one (3.1.1, feed()).
  bool mark_misspelt = false;

  // A client sees an event only where there is a data line, an empty one included. Other events are
  // comments, blank lines, or fields that change the client's state alone.
  bool dispatches() const { return !data.empty(); }
  // What the client calls the event's type.
  std::string_view type() const;
  // What the client gets as data: the lines joined by LF.
  std::string data_text() const;
  std::string_view text(const Span& span) const { return span.in(raw); }
};

class SseReader {
 public:
  explicit SseReader(std::size_t largest_event = limits::kSseEvent) : limit_(largest_event) {}

  // Takes all bytes and appends the events that they complete. After an error nothing more may be
  // fed; finish() then gives every byte that is in no event.
  Result<void, SseError> feed(std::string_view bytes, std::vector<SseEvent>& out);
  // The stream has ended: what came behind the last event. No client dispatches it.
  std::string finish();
  // The same as the event that it would be if a blank line followed; nothing where nothing came.
  // Line feeds that were added for that are the last `added` bytes of the event's raw.
  struct Tail {
    std::optional<SseEvent> event;
    std::size_t added = 0;
  };
  Tail finish_event();
  // Bytes of the event that is not complete.
  std::size_t held() const { return event_.raw.size(); }

 private:
  void end_line(std::size_t size, std::vector<SseEvent>& out);
  void read_field(std::size_t begin, std::string_view line);
  void replace(std::optional<Span>& value, Span by);
  void emit(std::vector<SseEvent>& out);

  std::size_t limit_;
  SseEvent event_;
  std::size_t line_begin_ = 0;  // in event_.raw
  bool first_line_ = true;      // of the stream: a byte order mark may stand before it
  bool after_cr_ = false;       // the last byte taken was a line end's CR: an LF belongs to it
};

}  // namespace veilwire::wire
