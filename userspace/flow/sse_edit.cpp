#include "userspace/flow/sse_edit.h"

#include <utility>
#include <vector>

namespace veilwire::flow {

Edited with_data(const wire::SseEvent& event, Edited&& data) {
  Edited out;
  out.originals = std::move(data.originals);
  auto mask = data.masks.begin();
  std::size_t copied = 0, line_at = 0;
  for (std::size_t line = 0; line < event.data.size(); ++line) {
    const wire::Span& span = event.data[line];
    out.append(std::string_view(event.raw).substr(copied, span.offset - copied));
    copied = std::size_t{span.offset} + span.size;
    const bool last = line + 1 == event.data.size();
    const std::size_t line_until =
        last ? data.bytes.size() : std::min(data.bytes.find('\n', line_at), data.bytes.size());
    for (; mask != data.masks.end() && mask->offset <= line_until; ++mask) {
      mask->offset = mask->offset - line_at + out.bytes.size();
      out.masks.push_back(std::move(*mask));
    }
    out.append(std::string_view(data.bytes).substr(line_at, line_until - line_at));
    line_at = std::min(line_until + 1, data.bytes.size());
  }
  out.append(std::string_view(event.raw).substr(copied));
  return out;
}

std::string_view line_end(const wire::SseEvent& event) {
  const std::size_t at = event.raw.find_first_of("\r\n");
  if (at == std::string::npos || event.raw[at] == '\n') return "\n";
  return event.raw.compare(at, 2, "\r\n") == 0 ? "\r\n" : "\r";
}

Tail read_tail(std::string_view rest) {
  Tail tail;
  wire::SseReader reader(rest.size() + 2);
  std::vector<wire::SseEvent> events;
  if (!reader.feed(rest, events)) return tail;
  while (events.empty() && tail.added < 2) {
    ++tail.added;
    if (!reader.feed("\n", events)) return tail;
  }
  if (!events.empty()) tail.event = std::move(events.front());
  return tail;
}

}  // namespace veilwire::flow
