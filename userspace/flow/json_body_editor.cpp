#include "userspace/flow/json_body_editor.h"

#include "userspace/base/limits.h"
#include "userspace/flow/notice.h"

#include <utility>

namespace veilwire::flow {

JsonBodyEditor::JsonBodyEditor(Setting setting, std::shared_ptr<const masking::Engine> engine)
    : EditorBase(std::move(engine)),
      setting_(std::move(setting)),
      room_(setting_.lines ? std::make_shared<std::size_t>(limits::kUnpackedText) : nullptr),
      document_(setting_.root, this->engine(), nullptr, room_) {}

void JsonBodyEditor::on_feed(std::string_view bytes, Edited& out) {
  if (!setting_.lines) {
    const bool begins = released() == 0 && document_.empty();
    if (const Conversation* known = setting_.conversation; begins && known && known->is(bytes))
      return feed_elements(*known, bytes, out);
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
    document_ = JsonEditor(setting_.root, engine(), nullptr, room_);
  }
}

// The document in its order: what is between elements is read, an element only where it is new or
// another engine's.
void JsonBodyEditor::feed_elements(const Conversation& conversation, std::string_view bytes,
                                   Edited& out) {
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
  for (const Conversation::Element& element : conversation.elements()) {
    if (!element.cached() && element.engine == engine()) continue;
    const std::string_view where = element.where.bytes;
    if (!read(static_cast<std::size_t>(where.data() - bytes.data()), out)) return over();
    document_.use(element.engine);
    const bool cached = element.cached() && document_.at_element() == element.where.zone;
    const std::uint64_t engine = masking::serial(*element.engine);
    bool good = true;
    Edited edited;
    if (auto known =
            cached ? conversation.cache().find(element.digest, engine, where) : std::nullopt) {
      edited = *std::move(known);
      document_.skip_object(where);
      bytes.remove_prefix(where.size());
    } else {
      good = read(where.size(), edited);
      if (good && cached && document_.behind_element())
        conversation.cache().keep(element.digest, engine, where, edited, element.said);
    }
    document_.use(this->engine());
    out.append(std::move(edited));
    if (!good) return over();
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
