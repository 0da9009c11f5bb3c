#include "userspace/flow/sse_body_editor.h"

#include "userspace/flow/sse_edit.h"

#include <utility>

namespace veilwire::flow {

void SseBodyEditor::give(const wire::SseEvent& event, Edited&& data, Edited& out) const {
  Edited whole;
  if (data.blocked) {
    whole.blocked = std::move(data.blocked);
  } else {
    whole = with_data(event, std::move(data), engine());
  }
  if (whole.blocked) {
    out.blocked = std::move(whole.blocked);
    out.blocked->offset = out.bytes.size();
    return;
  }
  out.append(std::move(whole));
}

void SseBodyEditor::give_unedited_data(const wire::SseEvent& event, Edited& out) const {
  Edited data;
  data.append(event.data_text());
  give(event, std::move(data), out);
}

void SseBodyEditor::on_feed(std::string_view bytes, Edited& out) {
  events_.clear();
  const auto read = reader_.feed(bytes, events_);
  for (std::size_t i = 0; i < events_.size(); ++i) {
    if (events_[i].dispatches()) eol_ = line_end(events_[i]);
    const std::string wrong = edit(events_[i], out);
    if (out.blocked) return;
    if (wrong.empty()) continue;
    std::string rest;
    for (; i < events_.size(); ++i) rest += events_[i].raw;
    rest += reader_.finish();
    end(out);
    return fail(wrong, rest);
  }
  if (read) return;
  end(out);
  fail(std::string(wire::to_string(read.error())), reader_.finish());
}

// Clients drop an event without a blank line behind it, but whoever reads the bytes sees it: what
// is held for others stands before it.
void SseBodyEditor::on_finish(Edited& out) {
  const wire::SseReader::Tail tail = reader_.finish_event();
  if (!tail.event) return end(out);
  is_last_ = true;
  Edited last;
  std::string wrong;
  if (tail.event->dispatches()) {
    wrong = edit(*tail.event, last);
  } else {
    give_unedited_data(*tail.event, last);
  }
  end(out);
  if (out.blocked) return;
  if (!wrong.empty()) {
    const std::string_view raw = tail.event->raw;
    return fail(wrong, raw.substr(0, raw.size() - tail.added));
  }
  out.append(std::move(last));
  // A client must get the text that was held for the event.
  if (!out.blocked && !took_held_) out.bytes.resize(out.bytes.size() - tail.added);
}

}  // namespace veilwire::flow
