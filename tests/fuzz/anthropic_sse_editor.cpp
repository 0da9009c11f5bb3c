// The stream of the Messages API. Whole and in pieces the editor must give the same; what the
// official SDK assembles of it holds no secret, and is what the SDK assembles of the original where
// nothing was found; and an early end must be one.
#include "tests/fuzz/edited_body.h"
#include "tests/fuzz/messages_client.h"
#include "userspace/flow/body_editor.h"
#include "userspace/message/stream_event.h"
#include "userspace/wire/sse.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace veilwire;
using fuzz::engine;

const flow::EditorContext kStream{.service = policy::Service::Anthropic,
                                  .direction = policy::Direction::Response,
                                  .media_type = "text/event-stream",
                                  .target = "/v1/messages",
                                  .request_id = "",
                                  .mcp_method = ""};

std::string edit(std::string_view body, std::size_t piece) {
  flow::Released out;
  return fuzz::edited_body(kStream, body, piece, out);
}

void compare_what_a_client_sees(std::string_view body) {
  flow::Released out;
  fuzz::edited_body(kStream, body, body.size() + 1, out);
  const std::vector<std::string> seen = fuzz::MessagesClient(out.bytes).texts();
  for (const std::string& text : seen) {
    if (fuzz::has_token(text)) std::abort();
  }
  if (!out.masks.empty() || out.blocked || out.malformed) return;
  if (seen == fuzz::MessagesClient(body).texts()) return;
  // An event that nothing ends is ended where it takes text that was held.
  if (seen != fuzz::MessagesClient(std::string(body) + "\n\n").texts()) std::abort();
}

}  // namespace

// The first byte says how long the pieces are.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = 1 + data[0] % 61;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (edit(body, piece) != edit(body, body.size() + 1)) std::abort();
  compare_what_a_client_sees(body);

  const auto editor = flow::make_body_editor(kStream, engine());
  flow::Released out;
  editor->feed(body.substr(0, body.size() / 2), out);
  const std::size_t before = out.bytes.size();
  editor->end_early("The \"end\".", out);
  wire::SseReader reader;
  std::vector<wire::SseEvent> events;
  if (!reader.feed(std::string_view(out.bytes).substr(before), events)) std::abort();
  if (!reader.finish().empty()) std::abort();
  for (const wire::SseEvent& event : events) {
    if (event.dispatches() && !message::read_stream_event(event.type(), event.data_text()))
      std::abort();
  }
  return 0;
}
