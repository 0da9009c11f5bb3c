// Streams of JSON-RPC messages. Whole and in pieces the editor must give the same; the events keep
// their number, names, ids and times to retry, and hold no secret; and an early end is made of
// whole events.
#include "tests/fuzz/edited_body.h"
#include "tests/fuzz/messages_client.h"
#include "userspace/flow/body_editor.h"
#include "userspace/wire/sse.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace {

using namespace veilwire;
using nlohmann::json;

flow::EditorContext stream_of(policy::Service service) {
  return {.service = service,
          .direction = policy::Direction::Response,
          .media_type = "text/event-stream",
          .target = "/mcp",
          .request_id = "7",
          .mcp_method = "tools/call"};
}

std::vector<wire::SseEvent> events_of(std::string_view stream) {
  wire::SseReader reader;
  std::vector<wire::SseEvent> all, events;
  if (!reader.feed(stream, all)) std::abort();
  for (wire::SseEvent& event : all) {
    if (event.dispatches()) events.push_back(std::move(event));
  }
  return events;
}

std::string frame_of(const wire::SseEvent& event) {
  std::string frame(event.type());
  for (const auto& field : {event.id, event.retry})
    frame += "|" + (field ? std::string(event.text(*field)) : "none");
  return frame;
}

// Text of a tool's result is never a protocol field.
bool shows_a_secret(const json& message) {
  if (!message.is_object() || !message.contains("result") || !message["result"].is_object())
    return false;
  const json& content = message["result"].value("content", json());
  if (!content.is_array()) return false;
  for (const json& part : content) {
    if (part.is_object() && part.contains("text") && part["text"].is_string() &&
        fuzz::has_token(part["text"].get<std::string>()))
      return true;
  }
  return false;
}

}  // namespace

// The first byte says how long the pieces are, and whether the host speaks MCP.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = 1 + data[0] % 61;
  const auto context = stream_of(data[0] < 192 ? policy::Service::Mcp : policy::Service::Generic);
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  flow::Released whole, pieces;
  const std::string edited = fuzz::edited_body(context, body, body.size() + 1, whole);
  if (edited != fuzz::edited_body(context, body, piece, pieces)) std::abort();

  const std::vector<wire::SseEvent> before = events_of(body), after = events_of(whole.bytes);
  if (after.size() > before.size()) std::abort();
  if (!whole.malformed && !whole.blocked && after.size() != before.size()) std::abort();
  for (std::size_t i = 0; i < after.size(); ++i) {
    if (frame_of(after[i]) != frame_of(before[i])) std::abort();
    if (shows_a_secret(json::parse(after[i].data_text(), nullptr, false))) std::abort();
  }
  if (whole.masks.empty() && !whole.malformed && !whole.blocked && whole.bytes != body)
    std::abort();

  const auto editor = flow::make_body_editor(context, fuzz::engine());
  flow::Released out;
  editor->feed(body.substr(0, body.size() / 2), out);
  const std::size_t released = out.bytes.size();
  editor->end_early("The \"end\".", out);
  wire::SseReader reader;
  std::vector<wire::SseEvent> end;
  if (!reader.feed(std::string_view(out.bytes).substr(released), end)) std::abort();
  if (!reader.finish().empty()) std::abort();
  return 0;
}
