#include "userspace/flow/memory_budget.h"

namespace veilwire::flow {

std::size_t MemoryBudget::held() const {
  const std::lock_guard lock(mutex_);
  return held_;
}

std::uint64_t MemoryBudget::refusals() const {
  const std::lock_guard lock(mutex_);
  return refusals_;
}

void MemoryBudget::count_refusal() {
  const std::lock_guard lock(mutex_);
  ++refusals_;
}

// What add() has counted may be over the limit: compared by subtraction, never below zero.
bool MemoryBudget::fits(std::uint32_t user, std::size_t bytes) const {
  const auto own = by_user_.find(user);
  const std::size_t has = own == by_user_.end() ? 0 : own->second;
  return held_ <= limit_ && bytes <= limit_ - held_ && has <= share() && bytes <= share() - has;
}

bool MemoryBudget::has_room(std::uint32_t user, std::size_t bytes) const {
  const std::lock_guard lock(mutex_);
  return fits(user, bytes);
}

bool MemoryBudget::take(std::uint32_t user, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  if (!fits(user, bytes)) return false;
  held_ += bytes;
  by_user_[user] += bytes;
  return true;
}

void MemoryBudget::add(std::uint32_t user, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  held_ += bytes;
  by_user_[user] += bytes;
}

void MemoryBudget::give_back(std::uint32_t user, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  held_ -= bytes;
  const auto own = by_user_.find(user);
  own->second -= bytes;
  if (own->second == 0) by_user_.erase(own);
}

bool MemoryHold::resize(std::size_t bytes) {
  if (bytes > bytes_ && bytes > kAlwaysHeld && account_.budget) {
    if (!account_.budget->take(account_.user, bytes - bytes_)) return false;
    bytes_ = bytes;
  } else {
    set(bytes);
  }
  return true;
}

void MemoryHold::set(std::size_t bytes) {
  if (account_.budget && bytes > bytes_) account_.budget->add(account_.user, bytes - bytes_);
  if (account_.budget && bytes < bytes_) account_.budget->give_back(account_.user, bytes_ - bytes);
  bytes_ = bytes;
}

}  // namespace veilwire::flow
