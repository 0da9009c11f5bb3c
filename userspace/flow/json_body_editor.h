// Bodies that are one JSON document, or JSON documents line by line.
// Tested by tests/unit/flow/json_body_editor_test.cpp and json_lines_editor_test.cpp.
#pragma once

#include "userspace/flow/conversation.h"
#include "userspace/flow/editor_base.h"
#include "userspace/flow/json_editor.h"

#include <memory>
#include <string>
#include <string_view>

namespace veilwire::flow {

class JsonBodyEditor final : public EditorBase {
 public:
  // error: what end_early() gives where nothing has been released, for a notice.
  struct Setting {
    message::Zone root = message::Zone::Generic;
    policy::Service service = policy::Service::Generic;
    std::string request_id;
    bool lines = false;  // each line is a document of its own; blank lines are between them
    // What is known of the document, if it comes in one piece. Outlives the editor.
    const Conversation* conversation = nullptr;
  };
  JsonBodyEditor(Setting setting, std::shared_ptr<const masking::Engine> engine);

 private:
  void on_feed(std::string_view bytes, Edited& out) override;
  void on_finish(Edited& out) override;
  void on_adopt(Edited& out) override;
  std::size_t on_held() const override { return document_.held(); }
  bool on_settled() const override { return document_.settled(); }
  std::string close(std::string_view notice) override;

  void feed_elements(const Conversation& conversation, std::string_view bytes, Edited& out);

  Setting setting_;
  std::shared_ptr<std::size_t> room_;  // of all lines
  JsonEditor document_;
};

}  // namespace veilwire::flow
