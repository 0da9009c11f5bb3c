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
#include <tuple>
#include <utility>
#include <vector>

namespace veilwire::flow {

class AnthropicSseEditor final : public SseBodyEditor, private JsonEditor::Pieces {
 public:
  using SseBodyEditor::SseBodyEditor;

 private:
  struct TextKey {
    std::uint32_t index;  // of the block
    message::Zone zone;
    std::string delta;  // type of the deltas that bring it
    bool operator<(const TextKey& other) const {
      return std::tie(index, zone, delta) < std::tie(other.index, other.zone, other.delta);
    }
  };
  struct Block {
    std::string type;
    bool is_signed = false;  // no thinking may follow
  };

  std::string edit(const wire::SseEvent& event, Edited& out) override;
  void end(Edited& out) override;
  void on_adopt(Edited& out) override;
  bool texts_settled() const override;
  std::string close(std::string_view notice) override;
  std::optional<std::string> error_end(std::string_view kind, std::string_view message) override;
  TextFilter* piece(message::Zone zone) override;
  bool ends() const override { return current_->ends_text || is_last(); }
  TextFilter* joined(TextFilter& text);

  void end_texts_before(const message::StreamEvent& event, Edited& out);
  std::string misplaced(const message::StreamEvent& event, bool named) const;
  std::string follow(const message::StreamEvent& event, bool named);
  void end_text(std::map<TextKey, TextFilter>::iterator text, Edited& out);
  void end_texts_of(std::uint32_t index, Edited& out);
  void add_delta(const TextKey& key, Edited&& content, Edited& out) const;
  void add_completion(Edited&& content, Edited& out) const;
  void add_event(std::string_view name, const std::string& before, Edited&& content,
                 std::string_view behind, Edited& out) const;
  std::string event(std::string_view name, std::string_view data) const;

  std::map<TextKey, TextFilter> texts_;
  // Previews of a session's events, by the event that will bring their text whole: what is held is
  // never needed.
  std::map<std::pair<std::string, std::uint32_t>, TextFilter> previews_;

  std::optional<TextFilter> completion_;  // the text of a completion

  std::vector<wire::JsonEvent> scanned_;  // used again by every event

  const message::StreamEvent* current_ = nullptr;  // the event that is being edited
  std::vector<const TextFilter*> ended_;           // the texts that the last event ends

  // How far the stream is.
  bool foreign_ = false;  // it began with events that no message begins with
  bool started_ = false;
  std::optional<bool> named_;            // its events have names
  bool delta_seen_ = false;              // message_delta: no block may follow
  bool over_ = false;                    // message_stop or error
  std::map<std::uint32_t, Block> open_;  // content blocks
  std::uint64_t next_index_ = 0;
  std::uint32_t blocks_ = 0;  // that have begun
};

}  // namespace veilwire::flow
