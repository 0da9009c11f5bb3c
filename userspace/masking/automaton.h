// Answers, byte by byte and with its state carried along: could the text that began here still
// become a match? A state is the set of places in the expression where a reader could stand; it is
// worked out when a text first gets there and kept for all streams of all threads. Tested by
// tests/unit/masking/automaton_test.cpp.
//
// Why not RE2: it does not keep its state from one call to the next, so that a pending text of n
// bytes that grows byte by byte would be read n times.
#pragma once

#include "userspace/base/result.h"
#include "userspace/masking/expression.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace veilwire::masking {

class Automaton {
 public:
  // What a state says of the text that led to it. Any of them makes a byte worth looking at.
  enum Flag : std::uint8_t {
    kDead = 1,  // no longer text makes this a match
    kMatch =
        2,  // a match ends here, or (where an assertion had to see the next byte) one byte before
    kFinal = 4,   // a match ends here and none is longer
    kSecret = 8,  // some reader stands in the part that holds the secret, or behind it
    kAsks = 16,   // some reader stands at an assertion, which the next byte decides
  };

  struct State {
    std::uint8_t flags = 0;
    std::uint8_t before = 0;                // Before of the next byte; 0 where no assertion asks
    std::span<const std::uint32_t> places;  // the preferred first

    // The state that follows, by byte class; null: not worked out yet. They stand behind this one
    // in the same memory: a step waits for no pointer between.
    std::atomic<const State*>& next(std::uint8_t byte_class) const {
      return reinterpret_cast<std::atomic<const State*>*>(const_cast<State*>(this) + 1)[byte_class];
    }
  };

  // What stands before a byte, as far as assertions ask.
  enum class Before : std::uint8_t {
    Other,
    Word,
    Newline,
    Text
  };  // Text: nothing, the text begins
  static Before before(unsigned char byte) { return kBefore[byte]; }

  // secret_group: the capture in `rest` that is the secret, 0 for the first that takes part;
  // absent: all of `rest` is. The first `skipped` parts of the context stand before what
  // bytes_behind() asks for. Refuses an expression that needs more than kMaxPlaces places.
  static Result<std::unique_ptr<Automaton>, std::string> build(
      std::span<const Expression> context, std::span<const Expression> rest,
      std::optional<std::uint32_t> secret_group = std::nullopt, std::size_t skipped = 0);
  Automaton(const Automaton&) = delete;
  Automaton& operator=(const Automaton&) = delete;
  ~Automaton();

  const State* start(Before before) const { return starts_[static_cast<std::size_t>(before)]; }
  const State* step(const State* state, unsigned char byte) const {
    const std::uint8_t c = classes_[byte];
    const State* next = state->next(c).load(std::memory_order_acquire);
    return next != nullptr ? next : explore(state, c);
  }
  bool matches_at_end(const State* state) const;  // the text ends here

  // For each of the `count` places behind `literal`, with which the match goes on behind the
  // skipped parts: which bytes can stand there, or behind a match that has ended by then. Each
  // byte of the literal is one of a set. Assertions are taken to hold.
  std::vector<ByteSet> bytes_behind(std::span<const ByteSet> literal, std::size_t count) const;
  // Tells bytes apart no further than this automaton does.
  std::uint8_t byte_class(unsigned char byte) const { return classes_[byte]; }
  std::span<const unsigned char> representatives() const { return representatives_; }

 private:
  static const std::array<Before, 256> kBefore;
  struct Place;
  struct Builder;
  Automaton();

  const State* explore(const State* state, std::uint8_t byte_class) const;
  const State* intern(std::vector<std::uint32_t>& places, bool matched, std::uint8_t before) const;
  void close(std::uint32_t place, std::vector<std::uint32_t>& set, std::vector<bool>& seen) const;
  bool pass(std::vector<std::uint32_t>& places, std::uint8_t before, int next) const;
  std::optional<ByteSet> read_any(std::vector<std::uint32_t>& places, const ByteSet& bytes) const;
  const State* start_state(Before before) const;

  struct Free {
    void operator()(void* memory) const { ::operator delete(memory); }
  };
  using StateMemory = std::unique_ptr<State, Free>;  // a state has nothing to destroy
  StateMemory make_state() const;

  std::vector<Place> program_;
  std::vector<ByteSet> sets_;  // of byte classes
  std::uint32_t entry_ = 0, entry_behind_skipped_ = 0;
  bool asserts_ = false;
  std::array<std::uint8_t, 256> classes_{};
  std::vector<unsigned char> representatives_;  // a byte of each class
  std::array<const State*, 4> starts_{};

  // States are only ever added, under the mutex; readers meet them through the atomic pointers.
  mutable std::mutex mutex_;
  mutable std::map<std::vector<std::uint32_t>, StateMemory> states_;  // by places, and two words
  mutable std::size_t memory_ = 0;
  StateMemory
      unknown_;  // stands for all states once memory is used up: alive until the rule's length
};

}  // namespace veilwire::masking
