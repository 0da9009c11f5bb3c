// How many connections each user has. Descriptors are bounded, and without a bound for each user
// one who opens connections and says nothing would leave none for the others. Any thread may call.
// Tested by tests/unit/proxy/user_shares_test.cpp and tests/e2e/overload_test.py.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

namespace veilwire::proxy {

class UserShares {
 public:
  explicit UserShares(std::size_t most_of_one) : most_(most_of_one) {}

  // false: that user has as many as one may have.
  bool take(std::uint32_t user) {
    const std::lock_guard lock(mutex_);
    std::size_t& held = held_[user];
    if (held >= most_) return false;
    ++held;
    return true;
  }
  void give_back(std::uint32_t user) {
    const std::lock_guard lock(mutex_);
    const auto at = held_.find(user);
    if (at != held_.end() && --at->second == 0) held_.erase(at);
  }

 private:
  const std::size_t most_;
  std::mutex mutex_;
  std::map<std::uint32_t, std::size_t> held_;  // of those who have any
};

}  // namespace veilwire::proxy
