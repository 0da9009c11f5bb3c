// What every editor does the same way: it counts what it has released, stops at a block or at bytes
// that it does not understand, and hands on what it holds when it is told to look no more. Tested
// through the editors.
#pragma once

#include "userspace/flow/body_editor.h"
#include "userspace/flow/edited.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::flow {

class EditorBase : public BodyEditor {
 public:
  explicit EditorBase(std::shared_ptr<const masking::Engine> engine) : engine_(std::move(engine)) {}

  void feed(std::string_view bytes, Released& out) final;
  void finish(Released& out) final;
  void adopt(std::shared_ptr<const masking::Engine> engine, Released& out) final;
  void pass_through(Released& out) final;
  void end_early(std::string_view notice, Released& out) final;
  bool end_with_error(std::string_view kind, std::string_view message, Released& out) final;
  std::size_t held() const final { return rest_.size() + on_held(); }
  bool settled() const final { return state_ == State::Editing && on_settled(); }
  // The body is over: decides and releases the text that is held. What has not come whole is
  // dropped.
  void let_go(Released& out);

 protected:
  // Steps of the editor itself; they add what they release to `out`, whose offsets begin at zero.
  // After out.blocked or fail() they are not called again, but for close().
  virtual void on_feed(std::string_view bytes, Edited& out) = 0;
  virtual void on_finish(Edited& out) = 0;
  virtual void on_let_go(Edited& out) { on_finish(out); }
  virtual void on_adopt(Edited& out) = 0;
  virtual std::size_t on_held() const { return 0; }
  virtual bool on_settled() const = 0;
  // The end of the body for end_early().
  virtual std::string close(std::string_view notice) = 0;
  // The same for end_with_error(). nullopt: only what has not begun can be an error instead.
  virtual std::optional<std::string> error_end(std::string_view, std::string_view) {
    return std::nullopt;
  }

  // The bytes from here on cannot be edited. All text before them has been decided and is in `out`;
  // rest is what this step was given and has not put there.
  void fail(std::string reason, std::string_view rest);
  bool failed() const { return state_ == State::Failed; }

  const std::shared_ptr<const masking::Engine>& engine() const { return engine_; }
  std::uint64_t released() const { return released_; }

 private:
  enum class State { Editing, Blocked, Failed, Passing, Ended };
  void release(Edited&& edited, Released& out);

  std::shared_ptr<const masking::Engine> engine_;
  State state_ = State::Editing;
  std::uint64_t released_ = 0;
  std::string reason_;
  bool reported_ = false;
  std::string rest_;
};

}  // namespace veilwire::flow
