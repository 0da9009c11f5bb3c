// The places of one text at which a match of one expression may have begun, and how far each has
// come. Tested by tests/unit/masking/parts_test.cpp and, with all else, by tests/property.
//
// Candidates that stand in the same state have the same future: they are stepped as one group, so
// that a text made of nothing but beginnings still costs a few steps a byte.
#pragma once

#include "userspace/masking/automaton.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace veilwire::masking {

inline constexpr std::uint64_t kNowhere = UINT64_MAX;

// A part of the text: what is still needed of what came before, and what came now. Positions count
// from the start of the stream.
struct Window {
  std::string_view text;
  std::uint64_t base = 0;  // position of text[0]
  std::uint64_t end() const { return base + text.size(); }
  unsigned char at(std::uint64_t position) const {
    return static_cast<unsigned char>(text[position - base]);
  }
  Automaton::Before before(std::uint64_t position) const {
    return position == 0 ? Automaton::Before::Text : Automaton::before(at(position - 1));
  }
};

struct Candidate {
  std::uint64_t start = 0;
  std::uint64_t hold =
      kNowhere;  // where its secret could begin, at the earliest; kNowhere: not yet
};

// A candidate that can become no longer, with at least one match behind it (or perhaps, where
// memory ran out).
struct Ended {
  Candidate candidate;
  std::uint64_t at = 0;  // bytes up to here were read
};

// Where the secret of a match that begins at `start` could begin at the earliest, as far as the
// window tells; kNowhere: it has not begun, or there can be no match.
std::uint64_t hold_of_start(const Automaton& automaton, const Window& window, std::uint64_t start);

// A start behind which no match has ended yet, followed by itself. Most starts die within a few
// bytes: this spares them the way through Candidates.
struct YoungStart {
  std::uint32_t rule = 0;
  std::uint64_t start = 0;
  std::uint64_t at = 0;           // bytes up to here were read
  std::uint64_t hold = kNowhere;  // as Candidate::hold
  const Automaton::State* state = nullptr;
};
YoungStart young_start(const Automaton& automaton, const Window& window, std::uint32_t rule,
                       std::uint64_t start);

// Reads on to the end of the window. Dead: there is no match. Grown: there may be one, or it has
// become long; it is to be followed by Candidates, from its start.
enum class Fate : std::uint8_t { Dead, Young, Grown };
Fate read_on(const Automaton& automaton, const Window& window, std::uint64_t max_length,
             YoungStart& young);

class Candidates {
 public:
  bool empty() const { return groups_used_ == 0; }
  std::uint64_t first_start() const;  // kNowhere when empty
  std::uint64_t first_hold() const;   // the smallest; kNowhere when there is none

  // Steps all candidates to the end of the window, and the new ones at `starts` (sorted, each once)
  // with them. A candidate ends at max_length at the latest, and then only once a byte behind it is
  // there. Appends to `ended`, sorted by start for each call.
  void advance(const Automaton& automaton, const Window& window,
               const std::vector<std::uint64_t>& starts, std::uint64_t max_length,
               std::vector<Ended>& ended);
  // The text has ended.
  void finish(const Automaton& automaton, std::uint64_t end, std::vector<Ended>& ended);
  void clear() { groups_used_ = 0; }

 private:
  // Members by start; those before `head` have left. What is asked at every byte costs no walk over
  // the members, of which a hostile text can have thousands.
  struct Group {
    struct Member {
      Candidate candidate;
      std::uint64_t first_hold = kNowhere;  // the smallest of this and all later members
    };
    const Automaton::State* state = nullptr;
    bool matched = false;
    std::vector<Member> members;
    std::size_t head = 0;

    const Candidate& front() const { return members[head].candidate; }
    std::uint64_t first_hold() const { return members[head].first_hold; }
    void set_hold(std::uint64_t hold);
    void merge(const Group& other);
  };

  Group& add(std::size_t index);
  void remove(std::size_t index);
  void begin(const Automaton& automaton, const Window& window, std::uint64_t start,
             std::vector<Ended>& ended);
  bool enter(Group& group, const Automaton::State* next, std::uint64_t position,
             std::vector<Ended>& ended);
  void step_all(const Automaton& automaton, const Window& window, std::uint64_t stop,
                std::vector<Ended>& ended);
  void retire(const Automaton& automaton, const Window& window, std::uint64_t max_length,
              std::vector<Ended>& ended);

  std::vector<Group>
      groups_;  // the first groups_used_ are live; the others keep their memory for the next
  std::size_t groups_used_ = 0;
  std::uint64_t at_ = 0;  // all live groups have read up to here
};

}  // namespace veilwire::masking
