// The event splitter; see sse.h. Tested by tests/unit/wire/sse_test.cpp.
#include "userspace/wire/sse.h"

#include <algorithm>
#include <utility>

namespace veilwire::wire {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kMisspeltMark = "\xC3\xAF\xC2\xBB\xC2\xBF";

Span span(std::size_t offset, std::size_t size) {
  return {static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(size)};
}

}  // namespace

std::string_view to_string(SseError error) {
  switch (error) {
    case SseError::EventTooLarge:
      return "event too large";
  }
  return "unknown";
}

std::string_view SseEvent::type() const {
  return name && name->size != 0 ? text(*name) : std::string_view("message");
}

std::string SseEvent::data_text() const {
  std::string joined;
  for (const Span& line : data) {
    if (&line != &data.front()) joined += '\n';
    joined += text(line);
  }
  return joined;
}

Result<void, SseError> SseReader::feed(std::string_view bytes, std::vector<SseEvent>& out) {
  while (!bytes.empty()) {
    if (after_cr_) {
      after_cr_ = false;
      if (bytes.front() == '\n') {
        event_.raw += '\n';
        line_begin_ = event_.raw.size();
        if (event_.raw.size() == 1) emit(out);
        bytes.remove_prefix(1);
        continue;
      }
    }
    const std::size_t end = bytes.find_first_of("\r\n");
    if (end == std::string_view::npos) {
      event_.raw += bytes;
      if (event_.raw.size() > limit_) return Unexpected{SseError::EventTooLarge};
      return {};
    }
    const bool carriage_return = bytes[end] == '\r';
    std::size_t taken = end + 1;
    if (carriage_return && taken < bytes.size() && bytes[taken] == '\n') ++taken;
    if (event_.raw.size() + taken > limit_) {
      event_.raw += bytes;
      return Unexpected{SseError::EventTooLarge};
    }
    after_cr_ = carriage_return && taken == bytes.size() && taken == end + 1;
    event_.raw += bytes.substr(0, taken);
    bytes.remove_prefix(taken);
    end_line(event_.raw.size() - line_begin_ - (taken - end), out);
  }
  return {};
}

// The line of `size` bytes that begins at line_begin_ is complete; its end is already in raw.
void SseReader::end_line(std::size_t size, std::vector<SseEvent>& out) {
  std::size_t begin = line_begin_;
  std::string_view line = std::string_view(event_.raw).substr(begin, size);
  if (first_line_) {
    if (line.starts_with(kByteOrderMark)) {
      line.remove_prefix(kByteOrderMark.size());
      begin += kByteOrderMark.size();
    }
    event_.mark_misspelt = line.starts_with(kMisspeltMark);
  } else if (line.starts_with(kByteOrderMark)) {
    event_.mark_inside = true;
  }
  first_line_ = false;
  if (line.empty()) return emit(out);
  if (line.front() != ':') {
    read_field(begin, line);
  } else {
    event_.unread.push_back(span(begin, line.size()));
    if (line_begin_ == 0) return emit(out);
  }
  line_begin_ = event_.raw.size();
}

void SseReader::read_field(std::size_t begin, std::string_view line) {
  const std::size_t colon = std::min(line.find(':'), line.size());
  std::size_t value_at = std::min(colon + 1, line.size());
  if (value_at < line.size() && line[value_at] == ' ') ++value_at;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = line.substr(value_at);
  const Span where = span(begin + value_at, value.size());
  if (name == "data") {
    event_.data.push_back(where);
  } else if (name == "event") {
    replace(event_.name, where);
  } else if (name == "id" && value.find('\0') == std::string_view::npos) {
    replace(event_.id, where);
  } else if (name == "retry" && !value.empty() &&
             std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; })) {
    replace(event_.retry, where);
  } else {
    event_.unread.push_back(span(begin, line.size()));
  }
}

// Of lines of the same field the last one counts.
void SseReader::replace(std::optional<Span>& value, Span by) {
  if (value && value->size != 0) event_.unread.push_back(*value);
  value = by;
}

void SseReader::emit(std::vector<SseEvent>& out) {
  out.push_back(std::exchange(event_, {}));
  line_begin_ = 0;
}

SseReader::Tail SseReader::finish_event() {
  Tail tail;
  if (event_.raw.empty()) return tail;
  limit_ += 2;
  std::vector<SseEvent> events;
  for (; events.empty(); ++tail.added) (void)feed("\n", events);
  tail.event = std::move(events.front());
  return tail;
}

std::string SseReader::finish() {
  line_begin_ = 0;
  return std::exchange(event_, {}).raw;
}

}  // namespace veilwire::wire
