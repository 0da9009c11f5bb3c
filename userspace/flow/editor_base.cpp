#include "userspace/flow/editor_base.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace veilwire::flow {

void EditorBase::feed(std::string_view bytes, Released& out) {
  switch (state_) {
    case State::Editing: {
      Edited edited;
      on_feed(bytes, edited);
      return release(std::move(edited), out);
    }
    case State::Failed:
      rest_ += bytes;
      return;
    case State::Passing:
      out.bytes += bytes;
      released_ += bytes.size();
      return;
    case State::Blocked:
    case State::Ended:
      return;
  }
}

void EditorBase::finish(Released& out) {
  if (state_ != State::Editing) return;
  Edited edited;
  on_finish(edited);
  release(std::move(edited), out);
  if (state_ == State::Editing) state_ = State::Ended;
}

void EditorBase::adopt(std::shared_ptr<const masking::Engine> engine, Released& out) {
  engine_ = std::move(engine);
  if (state_ != State::Editing) return;
  Edited edited;
  on_adopt(edited);
  release(std::move(edited), out);
}

void EditorBase::pass_through(Released& out) {
  // Whoever feeds the editor may have lost its input on the way: the text that is held is whole
  // then.
  if (state_ == State::Editing) {
    Edited edited;
    on_finish(edited);
    reported_ = true;
    release(std::move(edited), out);
    if (state_ == State::Editing) state_ = State::Failed;
  }
  if (state_ != State::Failed) return;
  state_ = State::Passing;
  out.unread_from = released_;
  const std::string held = std::exchange(rest_, {});
  out.bytes += held;
  released_ += held.size();
}

void EditorBase::let_go(Released& out) {
  if (state_ != State::Editing) return;
  Edited edited;
  on_let_go(edited);
  release(std::move(edited), out);
  state_ = State::Ended;
}

void EditorBase::end_early(std::string_view notice, Released& out) {
  if (state_ == State::Ended || state_ == State::Passing) return;
  state_ = State::Ended;
  rest_.clear();
  const std::string end = close(notice);
  out.bytes += end;
  released_ += end.size();
}

bool EditorBase::end_with_error(std::string_view kind, std::string_view message, Released& out) {
  if (state_ == State::Ended) return true;
  const bool known = state_ != State::Passing;
  state_ = State::Ended;
  rest_.clear();
  const auto end = known ? error_end(kind, message) : std::nullopt;
  if (!end) return false;
  out.bytes += *end;
  released_ += end->size();
  return true;
}

void EditorBase::fail(std::string reason, std::string_view rest) {
  state_ = State::Failed;
  reason_ = std::move(reason);
  rest_ += rest;
}

void EditorBase::release(Edited&& edited, Released& out) {
  for (audit::MaskedSpan& mask : edited.masks) {
    mask.offset += released_;
    out.masks.push_back(std::move(mask));
  }
  for (const Stretch& s : edited.credentials)
    out.credentials.push_back({s.offset + released_, s.size});
  std::ranges::move(edited.originals, std::back_inserter(out.originals));
  if (edited.blocked) {
    edited.blocked->offset += released_;
    out.blocked = std::move(edited.blocked);
    state_ = State::Blocked;
  }
  if (state_ == State::Failed && !reported_) {
    reported_ = true;
    out.malformed = reason_;
  }
  out.bytes += edited.bytes;
  released_ += edited.bytes.size();
}

}  // namespace veilwire::flow
