#include "userspace/flow/sse_edit.h"

#include "userspace/flow/text_filter.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

namespace veilwire::flow {

namespace {

struct Part {
  wire::Span span;  // in the event's raw
  Edited edited;
};

// The data's lines again, as many as there were.
void split(Edited&& data, std::span<const wire::Span> lines, std::vector<Part>& parts) {
  auto mask = data.masks.begin();
  auto credential = data.credentials.begin();
  std::size_t line_at = 0;
  for (const wire::Span& line : lines) {
    Edited edited;
    const bool last = &line == &lines.back();
    const std::size_t line_until =
        last ? data.bytes.size() : std::min(data.bytes.find('\n', line_at), data.bytes.size());
    for (; mask != data.masks.end() && mask->offset <= line_until; ++mask) {
      mask->offset -= line_at;
      edited.masks.push_back(std::move(*mask));
    }
    for (; credential != data.credentials.end() && credential->offset < line_until; ++credential)
      edited.credentials.push_back({credential->offset - line_at, credential->size});
    edited.append(std::string_view(data.bytes).substr(line_at, line_until - line_at));
    line_at = std::min(line_until + 1, data.bytes.size());
    if (&line == &lines.front()) edited.originals = std::move(data.originals);
    parts.push_back({line, std::move(edited)});
  }
}

}  // namespace

Edited with_data(const wire::SseEvent& event, Edited&& data,
                 const std::shared_ptr<const masking::Engine>& engine) {
  std::vector<Part> parts;
  parts.reserve(event.data.size() + event.unread.size() + 1);
  split(std::move(data), event.data, parts);
  const auto mask = [&](const wire::Span& span) {
    Part& part = parts.emplace_back(Part{span, {}});
    TextFilter text(TextFilter::Form::Plain, engine);
    text.feed(event.text(span), part.edited);
    if (!part.edited.blocked) text.finish(part.edited);
  };
  for (const wire::Span& span : event.unread) mask(span);
  if (!event.dispatches() && event.name) mask(*event.name);
  if (parts.size() > 1) std::ranges::sort(parts, {}, [](const Part& p) { return p.span.offset; });

  Edited out;
  std::size_t copied = 0;
  for (Part& part : parts) {
    out.append(std::string_view(event.raw).substr(copied, part.span.offset - copied));
    copied = std::size_t{part.span.offset} + part.span.size;
    out.append(std::move(part.edited));
    if (out.blocked) return out;
  }
  out.append(std::string_view(event.raw).substr(copied));
  return out;
}

std::string_view line_end(const wire::SseEvent& event) {
  const std::size_t at = event.raw.find_first_of("\r\n");
  if (at == std::string::npos || event.raw[at] == '\n') return "\n";
  return event.raw.compare(at, 2, "\r\n") == 0 ? "\r\n" : "\r";
}

}  // namespace veilwire::flow
