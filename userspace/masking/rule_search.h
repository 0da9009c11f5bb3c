// The search for one rule in one stream, independent of all other rules: which matches there are,
// in order, and which of them count. What it finds is a function of the text alone, never of how
// the text was cut. Tested by tests/property/stream_masker_test.cpp against an oracle that restates
// the definition below.
//
// Definition. Starts are tried from left to right. At a start the expression's match is what RE2
// says. It counts unless its secret is empty or begins inside a code point, it touches a mask that
// is in the text already, or the rule refuses it (keywords, entropy, allowlists, validator). After
// one that counts, starts before the end of its secret are passed over. A refused one lets later
// starts try again, so that an invalid look-alike hides nothing, but not for ever: after
// kMaxRefusals within one secret, starts before its end are passed over too (a text of look-alikes
// would otherwise cost its square). A begin/end rule goes on behind the end of its region; the end
// is the leftmost match of `end` at or behind the end of `begin`.
#pragma once

#include "userspace/masking/candidates.h"
#include "userspace/masking/compiled_rule.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace veilwire::masking {

inline constexpr unsigned kMaxRefusals = 8;

// Masks that stand in the text, as far as it has been read.
struct MasksInText {
  std::deque<std::pair<std::uint64_t, std::uint64_t>> spans;  // begin, end; ascending
  std::uint64_t undecided_from = 0;                           // before it all masks are known
};

struct Found {
  std::uint64_t begin = 0, end = 0;
  std::uint64_t certain = 0;  // end of what the match itself covers; a region goes on behind it
  std::uint32_t rule = 0;
  bool region = false;
  bool open = false;         // region: `end` is as far as it surely reaches
  bool announced = false;    // region: its mask has been emitted
  bool reported = false;     // it blocks inside of what others cover, and that has been said
  std::uint64_t offset = 0;  // region: where the visible part began
  std::string digest;
};

class EngineParts;

class RuleSearch {
 public:
  RuleSearch(const EngineParts& engine, std::uint32_t rule);

  std::uint32_t rule() const { return index_; }
  void add_start(std::uint64_t position) { starts_.push_back(position); }
  // Reads to the end of the window.
  void advance(const Window& window);
  void finish(const Window& window);
  // Decides what can be decided. Appends new findings; an open region of this rule stands in
  // `found` already and is updated there.
  void resolve(const Window& window, const MasksInText& masks, std::uint64_t untold, bool ended,
               std::vector<Found>& found);

  std::uint64_t hold() const;  // the first position at which a secret not yet reported could begin
  std::uint64_t needed() const;  // the first position whose text is still needed
  // Nothing that has been read matters to what comes.
  bool idle(std::uint64_t end) const;

 private:
  struct Waiting {
    Candidate candidate;
    std::uint64_t at = 0;
    bool matched = false;
    std::uint64_t match_end = 0, begin = 0, end = 0;  // once matched
  };
  enum class Answer : std::uint8_t { Wait, No, Yes };

  Answer judge(Waiting& w, const Window& window, const MasksInText& masks, bool ended);
  void refuse(const Waiting& w);
  void read_region(const Window& window);
  std::optional<std::uint64_t> region_end(const Window& window, bool ended, std::uint64_t& surely);
  bool close_region(const Window& window, bool ended, std::vector<Found>& found);
  void add_waiting();

  const EngineParts& engine_;
  const CompiledRule& rule_;
  std::uint32_t index_;
  std::vector<std::uint64_t> starts_;
  Candidates live_;
  std::vector<Waiting> waiting_;  // by start
  std::vector<Ended> ended_;
  std::uint64_t resume_ = 0;
  std::uint64_t refused_end_ = 0;
  unsigned refusals_ = 0;

  bool in_region_ = false;
  std::uint64_t region_read_ = 0;  // the end is looked for from here
  Candidates ends_;
  std::vector<Ended> end_ended_;
  std::vector<std::uint64_t> region_starts_;
};

}  // namespace veilwire::masking
