// JSON bodies of every kind. Whole and in pieces the editor must give the same; JSON stays JSON;
// what has no finding does not change; a document that is ended early is a document.
#include "tests/fuzz/edited_body.h"
#include "userspace/flow/body_editor.h"
#include "userspace/message/pick.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace veilwire;
using fuzz::edited_body, fuzz::engine;

}  // namespace

// The first byte says what the body is and how long the pieces are.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr policy::Service kServices[] = {policy::Service::Anthropic, policy::Service::Mcp,
                                           policy::Service::Generic};
  const bool lines = data[0] % 8 == 7;
  const flow::EditorContext context{
      .service = kServices[data[0] / 8 % 3],
      .direction = data[0] % 2 == 0 ? policy::Direction::Response : policy::Direction::Request,
      .media_type = lines ? "application/x-jsonl" : "application/json",
      .target = "/",
      .request_id = "1",
      .mcp_method = ""};
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  flow::Released whole, pieces;
  if (edited_body(context, body, body.size() + 1, whole) !=
      edited_body(context, body, 1 + data[0] / 24, pieces))
    std::abort();

  const bool stopped = whole.blocked || whole.malformed;
  if (!stopped && whole.masks.empty() && whole.bytes != body) std::abort();
  if (lines) return 0;
  if (!stopped && message::pick(body, {}) && !message::pick(whole.bytes, {})) std::abort();

  const auto editor = flow::make_body_editor(context, engine());
  flow::Released out;
  editor->feed(body.substr(0, body.size() / 2), out);
  editor->end_early("The \"end\".", out);
  if (!message::pick(out.bytes, {})) std::abort();
  return 0;
}
