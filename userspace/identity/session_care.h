// Which session the IdP is to be asked about, and when: about those in use every minute, and ahead
// of the end of their tokens; about the others not at all, until somebody uses them again.
//
// An IdP that fails is left alone by all sessions together: one request at a time asks whether it
// is back, and when it is, the rest come a few at a time. Tested by
// tests/unit/identity/session_care_test.cpp.
#pragma once

#include "userspace/base/time.h"
#include "userspace/identity/binding.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace veilwire::identity {

struct CareSettings {
  std::chrono::seconds check_every{60};  // at the latest; a quarter less at the soonest
  // After its last use. Longer than an answer is kept (SessionTimes::fresh_for), so that whoever
  // keeps answers asks again before.
  std::chrono::seconds in_use{180};
  std::size_t at_once = 8;
};

enum class Care : std::uint8_t { Introspect, Refresh };

// What a session can be asked about with.
struct Caring {
  std::optional<Care> check;            // how the IdP says whether it still stands
  std::optional<Monotonic> refresh_at;  // nullopt: there is nothing to refresh with
};

class SessionCare {
 public:
  explicit SessionCare(CareSettings settings = {}) : settings_(settings) {}

  // The IdP's word for the session came at `checked_at`; of a new session, or with new tokens.
  // `random`: any, so that sessions of one moment are not asked about in one.
  void keep(const Binding& binding, Caring caring, Monotonic checked_at, std::uint32_t random);
  void drop(const Binding& binding);
  void used(const Binding& binding, Monotonic now);

  // What to ask now. Each is under way until keep(), drop() or failed().
  std::vector<std::pair<Binding, Care>> take_due(Monotonic now);
  // When take_due() has something to give; nullopt: not before something else happens. Never too
  // late, sometimes too early.
  std::optional<Monotonic> next() const;

  // The IdP gave no answer that says anything about the person: to be asked again after `wait`, by
  // retry_wait(failures() + 1, ...).
  void failed(const Binding& binding, std::chrono::nanoseconds wait, Monotonic now);
  // In a row, of all sessions together; 0: the last answer was one.
  unsigned failures() const { return failures_; }
  bool under_way(const Binding& binding) const;
  std::size_t under_way() const { return under_way_; }

 private:
  struct Entry {
    Caring caring;
    Monotonic check_at;
    std::optional<Monotonic> used_at;
    Monotonic not_before;
    bool under_way = false;
  };
  std::optional<Monotonic> due(const Entry& entry, Monotonic now) const;
  void settle(Entry& entry);

  CareSettings settings_;
  std::map<Binding, Entry> entries_;
  std::size_t under_way_ = 0;
  unsigned failures_ = 0;
  Monotonic retry_at_;
  std::optional<Monotonic> next_;
};

}  // namespace veilwire::identity
