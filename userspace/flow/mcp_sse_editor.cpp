#include "userspace/flow/mcp_sse_editor.h"

#include "userspace/flow/json_editor.h"
#include "userspace/flow/notice.h"
#include "userspace/flow/text_filter.h"

#include <algorithm>
#include <utility>

namespace veilwire::flow {

std::string McpSseEditor::edit(const wire::SseEvent& event, Edited& out) {
  // Only its clients read them with such a reader.
  if (event.mark_misspelt && setting_.json_only) return "a byte order mark in the wrong characters";
  const std::string data = event.data_text();
  // Comments; the empty data that primes a resumable stream; the address that the HTTP+SSE
  // transport of 2024-11-05 begins with, where the client posts to and which must stay what it is.
  const bool blank = data.find_first_not_of(" \t\r\n") == std::string::npos;
  if (blank || (setting_.json_only && event.type() == "endpoint")) {
    give_unedited_data(event, out);
    return {};
  }

  JsonEditor json(setting_.root, engine());
  Edited edited;
  if (!json.feed(data, edited) || (!edited.blocked && !json.finish(edited))) {
    if (setting_.json_only && event.type() == "message") return json.fault();
    edited = {};
    TextFilter text(TextFilter::Form::Plain, engine());
    text.feed(data, edited);
    if (!edited.blocked) text.finish(edited);
  }
  give(event, std::move(edited), out);
  return {};
}

std::string McpSseEditor::close(std::string_view notice) {
  std::string end;
  // Without a request that waits, an error object is an answer to nothing; a comment is seen by
  // whoever reads the wire.
  if (setting_.request_id.empty()) {
    end.append(": ").append(notice);
    std::ranges::replace_if(
        end, [](char c) { return c == '\r' || c == '\n'; }, ' ');
    return end.append(eol()).append(eol());
  }
  return end.append("event: message")
      .append(eol())
      .append("data: ")
      .append(json_rpc_error(setting_.request_id, notice))
      .append(eol())
      .append(eol());
}

}  // namespace veilwire::flow
