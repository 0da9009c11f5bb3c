// A large request that waits, unread, until there is room for what it says it is. Nothing is set
// aside for it: who announces much and sends nothing takes nothing from anybody. Nothing of it is
// held either, so that nobody waits for anybody who waits. Tested by
// tests/unit/flow/memory_budget_test.cpp.
#pragma once

#include "userspace/base/limits.h"
#include "userspace/base/time.h"
#include "userspace/flow/memory_budget.h"
#include "userspace/wire/framing.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace veilwire::flow {

class RoomWait {
 public:
  enum class Answer {
    Room,    // read on
    Wait,    // ask again() at next()
    Refuse,  // there has been none for too long, or never can be
  };

  Answer ask(const wire::Framing& framing, const MemoryAccount& memory, Monotonic now) {
    *this = {};
    if (framing.kind != wire::Framing::Kind::Length) return Answer::Room;
    announced_ =
        static_cast<std::size_t>(std::min<std::uint64_t>(framing.length, limits::kRequestBody));
    if (announced_ <= kAlwaysHeld || memory.has_room(announced_)) return Answer::Room;
    if (!memory.possible(announced_)) return Answer::Refuse;
    until_ = now + kRoomTime;
    next_ = now + kRoomLook;
    return Answer::Wait;
  }

  Answer again(const MemoryAccount& memory, Monotonic now) {
    if (now < *next_) return Answer::Wait;
    const bool room = memory.has_room(announced_);
    if (room || now >= until_) {
      next_.reset();
      return room ? Answer::Room : Answer::Refuse;
    }
    next_ = now + kRoomLook;
    return Answer::Wait;
  }

  void stop() { next_.reset(); }
  std::optional<Monotonic> next() const { return next_; }  // nothing: it does not wait
  std::size_t announced() const { return announced_; }     // bytes; 0 where nothing is said

 private:
  std::size_t announced_ = 0;
  Monotonic until_;
  std::optional<Monotonic> next_;
};

}  // namespace veilwire::flow
