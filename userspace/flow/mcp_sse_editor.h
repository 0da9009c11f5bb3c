// Streams of JSON-RPC messages, one an event, as MCP servers of all revisions send them; and, where
// a host speaks neither MCP nor the Messages API, streams of anything. Tested by
// tests/unit/flow/mcp_sse_editor_test.cpp.
#pragma once

#include "userspace/flow/sse_body_editor.h"
#include "userspace/message/fields.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::flow {

class McpSseEditor final : public SseBodyEditor {
 public:
  struct Setting {
    message::Zone root = message::Zone::McpFromServer;
    bool json_only = true;   // of `message` events; else data that is not JSON is plain text
    std::string request_id;  // JSON text
  };
  McpSseEditor(Setting setting, std::shared_ptr<const masking::Engine> engine)
      : SseBodyEditor(std::move(engine)), setting_(std::move(setting)) {}

 private:
  std::string edit(const wire::SseEvent& event, Edited& out) override;
  void end(Edited&) override {}
  void on_adopt(Edited&) override {}  // no text outlives its event
  std::string close(std::string_view notice) override;
  // Without a request that waits there is nobody to tell.
  std::optional<std::string> error_end(std::string_view, std::string_view message) override {
    if (setting_.request_id.empty()) return std::nullopt;
    return close(message);
  }

  Setting setting_;
};

}  // namespace veilwire::flow
