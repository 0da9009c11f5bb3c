// The event stream of the Messages API. The text of a content block comes in many events; each
// block has one masker for each kind of text, and what that holds stands at the beginning of the
// block's next delta. What is left when the text ends becomes one delta more, before the event that
// ends it. So every event that comes leaves, in its place, at once. Tested by
// tests/unit/flow/anthropic_sse_editor_test.cpp.
#pragma once

#include "userspace/flow/json_editor.h"
#include "userspace/flow/sse_body_editor.h"
#include "userspace/flow/text_filter.h"
#include "userspace/message/stream_event.h"
#include "userspace/wire/json_scanner.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace veilwire::flow {

class AnthropicSseEditor final : public SseBodyEditor, private JsonEditor::Pieces {
 public:
  using SseBodyEditor::SseBodyEditor;

 private:
  struct Text {
    TextFilter filter;
    std::string encrypted_content;  // JSON text, of the block's last delta
  };
  using TextKey = std::pair<std::uint32_t, message::Zone>;  // block index, kind of text

  std::string edit(const wire::SseEvent& event, Edited& out) override;
  void end(Edited& out) override;
  void on_adopt(Edited& out) override;
  std::string close(std::string_view notice) override;
  TextFilter* piece(message::Zone zone) override;

  void end_texts_before(const message::StreamEvent& event, Edited& out);
  std::string follow(const message::StreamEvent& event);
  void end_text(std::map<TextKey, Text>::iterator text, Edited& out);
  void end_texts_of(std::uint32_t index, Edited& out);
  void add_delta(const TextKey& key, const Text& text, Edited&& content, Edited& out) const;
  std::string event(std::string_view name, std::string_view data) const;

  std::map<TextKey, Text> texts_;
  // Previews of a session's events, by the event that will bring their text whole: what is held is
  // never needed.
  std::map<std::string, TextFilter> previews_;

  std::vector<wire::JsonEvent> scanned_;  // used again by every event

  const message::StreamEvent* current_ = nullptr;  // the event that is being edited

  // How far the stream is.
  bool foreign_ = false;  // it began with events that no message begins with
  bool started_ = false;
  bool delta_seen_ = false;                    // message_delta: no block may follow
  bool over_ = false;                          // message_stop or error
  std::map<std::uint32_t, std::string> open_;  // content blocks, with their type
  std::uint32_t next_index_ = 0;
};

}  // namespace veilwire::flow
