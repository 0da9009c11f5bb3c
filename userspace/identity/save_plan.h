// What is to be written down, where one write takes its time and more changes meanwhile: one write
// at a time, always of the latest state, so that changes in between share the next one. Who must
// know that a change is at rest asks for its number. Tested by
// tests/unit/identity/save_plan_test.cpp.
#pragma once

#include <cstdint>

namespace veilwire::identity {

class SavePlan {
 public:
  using Change = std::uint64_t;
  enum class Rest : std::uint8_t {
    Waiting,
    Written,
    Failed,  // the write that had it; a later one that succeeds has it too
  };

  Change changed() { return ++last_; }
  Change last() const { return last_; }

  // There is something that no write has tried yet, and none is under way.
  bool due() const { return under_way_ == 0 && tried_ < last_; }
  // Of the state as it is now. due() holds.
  void begin() { under_way_ = last_; }
  void ended(bool written) {
    tried_ = under_way_;
    if (written) at_rest_ = under_way_;
    under_way_ = 0;
  }

  Rest rest(Change change) const {
    if (change <= at_rest_) return Rest::Written;
    return change <= tried_ ? Rest::Failed : Rest::Waiting;
  }

 private:
  Change last_ = 0;       // numbered from 1; 0 is the state that was read
  Change under_way_ = 0;  // 0: no write is
  Change tried_ = 0, at_rest_ = 0;
};

}  // namespace veilwire::identity
