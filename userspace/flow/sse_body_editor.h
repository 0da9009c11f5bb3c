// A body of server-sent events whose events are edited one by one. An event leaves when all of it
// has come and before anything of the next one: order is kept, and a client never gets a part of an
// event. Tested by tests/unit/flow/mcp_sse_editor_test.cpp and anthropic_sse_editor_test.cpp.
#pragma once

#include "userspace/flow/editor_base.h"
#include "userspace/wire/sse.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::flow {

class SseBodyEditor : public EditorBase {
 public:
  using EditorBase::EditorBase;

 protected:
  // Appends the edited event. Returns what is wrong with it, or nothing; then nothing of it is in
  // out.
  virtual std::string edit(const wire::SseEvent& event, Edited& out) = 0;
  // No further event comes: appends what is held, but for the text that the last event ended.
  virtual void end(Edited& out) = 0;

  // Of texts that go on from event to event nothing is held.
  virtual bool texts_settled() const { return true; }

  // Appends the event with its edited data, or out.blocked alone.
  void give(const wire::SseEvent& event, Edited&& data, Edited& out) const;
  void give_unedited_data(const wire::SseEvent& event, Edited& out) const;

  // As the stream writes them.
  std::string_view eol() const { return eol_; }
  // The event that is being edited is the last of the stream, and no blank line stands behind it.
  bool is_last() const { return is_last_; }
  // It begins with text that was held.
  void take_held() { took_held_ = true; }

 private:
  void on_feed(std::string_view bytes, Edited& out) final;
  void on_finish(Edited& out) final;
  void on_let_go(Edited& out) final { end(out); }
  std::size_t on_held() const final { return reader_.held(); }
  bool on_settled() const final { return reader_.held() == 0 && texts_settled(); }

  wire::SseReader reader_;
  std::vector<wire::SseEvent> events_;
  std::string_view eol_ = "\n";
  bool is_last_ = false;
  bool took_held_ = false;
};

}  // namespace veilwire::flow
