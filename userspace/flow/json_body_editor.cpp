#include "userspace/flow/json_body_editor.h"

#include "userspace/flow/notice.h"
#include "userspace/flow/request_elements.h"

#include <algorithm>
#include <utility>

namespace veilwire::flow {

JsonBodyEditor::JsonBodyEditor(Setting setting, std::shared_ptr<const masking::Engine> engine)
    : EditorBase(std::move(engine)),
      setting_(std::move(setting)),
      document_(setting_.root, this->engine()) {}

void JsonBodyEditor::on_feed(std::string_view bytes, Edited& out) {
  if (!setting_.lines) {
    const bool begins = released() == 0 && document_.empty();
    if (setting_.elements != nullptr && begins) return feed_elements(bytes, out);
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

// The document in its order: what is between elements is read, an element only where it is new.
void JsonBodyEditor::feed_elements(std::string_view bytes, Edited& out) {
  // false: the end, by a fault or a block.
  const auto read = [&](std::size_t size, Edited& to) {
    const bool good = document_.feed(bytes.substr(0, size), to);
    const std::size_t taken = good ? size : document_.taken();
    bytes.remove_prefix(taken);
    return good && !to.blocked;
  };
  const auto over = [&] {
    if (!out.blocked) fail(document_.fault(), bytes);
  };
  for (const std::string_view element : request_elements(bytes)) {
    const auto before = static_cast<std::size_t>(element.data() - bytes.data());
    if (element.size() < ElementCache::kShortest) continue;
    if (!read(before, out)) return over();
    const auto zone = document_.at_element();
    if (!zone) continue;
    const auto digest = setting_.elements->digest({engine().get(), *zone, setting_.user}, element);
    if (auto known = setting_.elements->find(digest, element)) {
      document_.skip_object(element, std::move(*known), out);
      bytes.remove_prefix(element.size());
      continue;
    }
    Edited edited;
    const bool whole = read(element.size(), edited);
    if (whole && document_.behind_element()) setting_.elements->keep(digest, element, edited);
    out.append(std::move(edited));
    if (!whole) return over();
  }
  if (!read(bytes.size(), out)) over();
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
