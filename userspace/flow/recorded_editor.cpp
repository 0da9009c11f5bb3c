#include "userspace/flow/recorded_editor.h"

#include "userspace/flow/editor_base.h"

#include <iterator>
#include <string>
#include <vector>

namespace veilwire::flow {
namespace {

template <class T>
void append(std::vector<T>& to, std::vector<T>&& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

void RecordedEditor::note(Released&& said, Released& out) {
  EditedText& text = out.recorded ? *out.recorded : out.recorded.emplace();
  text.bytes += said.bytes;
  append(text.masks, std::move(said.masks));
  append(text.credentials, std::move(said.credentials));
  if (said.unread_from) text.unread_from = said.unread_from;
}

void RecordedEditor::feed(std::string_view bytes, Released& out) {
  reader_->feed(bytes, out);
  Released said;
  record_->feed(bytes, said);
  note(std::move(said), out);
}

void RecordedEditor::finish(Released& out) {
  reader_->finish(out);
  Released said;
  record_->finish(said);
  note(std::move(said), out);
}

void RecordedEditor::adopt(std::shared_ptr<const masking::Engine> engine, Released& out) {
  adopt(engine, engine, out);
}

void RecordedEditor::adopt(std::shared_ptr<const masking::Engine> reader,
                           std::shared_ptr<const masking::Engine> record, Released& out) {
  apart_ = apart_ || reader != record;
  reader_->adopt(std::move(reader), out);
  Released said;
  record_->adopt(std::move(record), said);
  note(std::move(said), out);
}

void RecordedEditor::pass_through(Released& out) {
  reader_->pass_through(out);
  Released said;
  record_->pass_through(said);
  note(std::move(said), out);
}

void RecordedEditor::let_go(Released& out) {
  if (!apart_) return;
  Released said;
  dynamic_cast<EditorBase&>(*record_).let_go(said);  // as all are that make_body_editor() makes
  note(std::move(said), out);
}

// Ends hold nothing but what we say.
void RecordedEditor::note_end(std::string_view end, Released& out) {
  let_go(out);
  Released said;
  said.bytes = end;
  note(std::move(said), out);
}

void RecordedEditor::end_early(std::string_view notice, Released& out) {
  const std::size_t before = out.bytes.size();
  reader_->end_early(notice, out);
  note_end(std::string_view(out.bytes).substr(before), out);
}

bool RecordedEditor::end_with_error(std::string_view kind, std::string_view message,
                                    Released& out) {
  const std::size_t before = out.bytes.size();
  const bool said = reader_->end_with_error(kind, message, out);
  note_end(std::string_view(out.bytes).substr(before), out);
  return said;
}

}  // namespace veilwire::flow
