#include "userspace/flow/plain_text_editor.h"

#include <utility>

namespace veilwire::flow {

PlainTextEditor::PlainTextEditor(std::shared_ptr<const masking::Engine> engine)
    : EditorBase(std::move(engine)), text_(TextFilter::Form::Plain, this->engine()) {}

std::string PlainTextEditor::close(std::string_view notice) {
  return (released() == 0 ? "" : "\n\n") + std::string(notice) + "\n";
}

}  // namespace veilwire::flow
