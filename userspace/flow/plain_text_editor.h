// Bodies that are text as it stands: text/*, XML, JavaScript.
// Tested by tests/unit/flow/plain_text_editor_test.cpp.
#pragma once

#include "userspace/flow/editor_base.h"
#include "userspace/flow/text_filter.h"

#include <memory>
#include <string>
#include <string_view>

namespace veilwire::flow {

class PlainTextEditor final : public EditorBase {
 public:
  explicit PlainTextEditor(std::shared_ptr<const masking::Engine> engine);

 private:
  void on_feed(std::string_view bytes, Edited& out) override { text_.feed(bytes, out); }
  void on_finish(Edited& out) override { text_.finish(out); }
  void on_adopt(Edited& out) override { text_.adopt(engine(), out); }
  bool on_settled() const override { return !text_.holding(); }
  std::string close(std::string_view notice) override;

  TextFilter text_;
};

}  // namespace veilwire::flow
