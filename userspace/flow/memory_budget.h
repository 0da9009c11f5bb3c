// One bound over what all connections of a process hold at the same time. Each body has limits of
// its own; without a common one, many clients together fill the memory, and the process dies with
// every stream that it carries. A user may have half of it, so that nobody locks the others out.
//
// Bytes that are still to be read are asked for, and whoever gets no room waits or is refused;
// bytes that are here already and on their way out are counted whatever the limit. Any thread may
// call. Tested by tests/unit/flow/memory_budget_test.cpp.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace veilwire::flow {

// What is held up to here is counted and never refused: it is no more than the reads of a
// connection hold anyway, and small requests go on while large ones wait.
inline constexpr std::size_t kAlwaysHeld = std::size_t{128} * 1024;
// How long a large request of which nothing is held yet waits for room, and how often it looks.
// Clients wait longer than that for an answer.
inline constexpr std::chrono::seconds kRoomTime{10};
inline constexpr std::chrono::milliseconds kRoomLook{50};

class MemoryBudget {
 public:
  explicit MemoryBudget(std::size_t limit) : limit_(limit) {}

  std::size_t limit() const { return limit_; }
  std::size_t share() const { return limit_ / 2; }  // the most that one user may have
  std::size_t held() const;
  std::uint64_t refusals() const;

  bool has_room(std::uint32_t user, std::size_t bytes) const;
  // All or nothing.
  bool take(std::uint32_t user, std::size_t bytes);
  void add(std::uint32_t user, std::size_t bytes);
  void give_back(std::uint32_t user, std::size_t bytes);
  // Somebody was told to come back later.
  void count_refusal();

 private:
  bool fits(std::uint32_t user, std::size_t bytes) const;

  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::size_t held_ = 0;
  std::uint64_t refusals_ = 0;
  std::map<std::uint32_t, std::size_t> by_user_;  // those who hold something
};

// In whose name something is held. Without a budget there is no bound: tests and tools.
struct MemoryAccount {
  std::shared_ptr<MemoryBudget> budget = {};
  std::uint32_t user = 0;  // uid

  bool has_room(std::size_t bytes) const { return !budget || budget->has_room(user, bytes); }
  // Whether so much could ever be held.
  bool possible(std::size_t bytes) const { return !budget || bytes <= budget->share(); }
  void count_refusal() const {
    if (budget) budget->count_refusal();
  }
};

// What one holder has of the budget; it goes back with the holder.
class MemoryHold {
 public:
  explicit MemoryHold(MemoryAccount account) : account_(std::move(account)) {}
  ~MemoryHold() { set(0); }
  MemoryHold(MemoryHold&& other) noexcept
      : account_(std::move(other.account_)), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryHold& operator=(MemoryHold&&) = delete;

  // false: no room for the difference, and nothing has changed. Less always succeeds, and so does
  // kAlwaysHeld.
  bool resize(std::size_t bytes);
  void set(std::size_t bytes);
  std::size_t bytes() const { return bytes_; }

 private:
  MemoryAccount account_;
  std::size_t bytes_ = 0;
};

}  // namespace veilwire::flow
