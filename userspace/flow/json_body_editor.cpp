#include "userspace/flow/json_body_editor.h"

#include "userspace/flow/notice.h"

#include <algorithm>
#include <utility>

namespace veilwire::flow {

JsonBodyEditor::JsonBodyEditor(Setting setting, std::shared_ptr<const masking::Engine> engine)
    : EditorBase(std::move(engine)),
      setting_(std::move(setting)),
      document_(setting_.root, this->engine()) {}

void JsonBodyEditor::on_feed(std::string_view bytes, Edited& out) {
  if (!setting_.lines) {
    if (!document_.feed(bytes, out)) fail(document_.fault(), bytes.substr(document_.taken()));
    return;
  }
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view line = bytes.substr(0, end);
    if (!document_.feed(line, out)) return fail(document_.fault(), bytes.substr(document_.taken()));
    if (out.blocked || end == std::string_view::npos) return;
    bytes.remove_prefix(end);
    if (!document_.empty() && !document_.finish(out)) return fail(document_.fault(), bytes);
    if (out.blocked) return;
    out.append(bytes.substr(0, 1));
    bytes.remove_prefix(1);
    document_ = JsonEditor(setting_.root, engine());
  }
}

void JsonBodyEditor::on_finish(Edited& out) {
  // A body of no bytes is what an accepted notification is answered with.
  if (!document_.empty() && !document_.finish(out)) fail(document_.fault(), {});
}

void JsonBodyEditor::on_adopt(Edited& out) { document_.adopt(engine(), out); }

std::string JsonBodyEditor::close(std::string_view notice) {
  if (!document_.empty()) return document_.close(notice);
  if (setting_.lines && released() != 0) return {};
  return std::string(document_.rest_of_mark()) +
         error_json(setting_.service, setting_.request_id, "permission_error", notice);
}

}  // namespace veilwire::flow
