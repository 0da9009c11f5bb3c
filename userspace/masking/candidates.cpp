#include "userspace/masking/candidates.h"

#include <algorithm>
#include <utility>

namespace veilwire::masking {
namespace {

// What lives longer than so many bytes is followed in groups, so that no text is read more often
// than this.
constexpr std::uint64_t kOld = 64;

void sort_from(std::vector<Ended>& ended, std::size_t first) {
  if (ended.size() < first + 2) return;
  std::stable_sort(
      ended.begin() + static_cast<std::ptrdiff_t>(first), ended.end(),
      [](const Ended& a, const Ended& b) { return a.candidate.start < b.candidate.start; });
}

}  // namespace

using State = Automaton::State;

std::uint64_t hold_of_start(const Automaton& automaton, const Window& window, std::uint64_t start) {
  const State* state = automaton.start(window.before(start));
  std::uint64_t hold = state->flags & Automaton::kSecret ? start : kNowhere;
  for (std::uint64_t at = start; at < window.end(); ++at) {
    const State* next = automaton.step(state, window.at(at));
    if (next->flags & Automaton::kDead) return kNowhere;
    if (!(next->flags & Automaton::kSecret)) {
      hold = kNowhere;
    } else if (hold == kNowhere) {
      hold = state->flags & Automaton::kAsks ? at : at + 1;
    }
    state = next;
  }
  return hold;
}

YoungStart young_start(const Automaton& automaton, const Window& window, std::uint32_t rule,
                       std::uint64_t start) {
  const State* state = automaton.start(window.before(start));
  const bool secret = (state->flags & Automaton::kSecret) != 0;
  return {rule, start, start, secret ? start : kNowhere, state};
}

Fate read_on(const Automaton& automaton, const Window& window, std::uint64_t max_length,
             YoungStart& young) {
  const std::uint64_t old = young.start + std::min(kOld, max_length);
  const std::uint64_t stop = std::min(window.end(), old);
  const State* state = young.state;
  for (std::uint64_t at = young.at; at < stop; ++at) {
    const State* next = automaton.step(state, window.at(at));
    if (next->flags & Automaton::kMatch) return Fate::Grown;
    if (next->flags & Automaton::kDead) return Fate::Dead;
    if ((next->flags ^ state->flags) & Automaton::kSecret) {
      const bool secret = (next->flags & Automaton::kSecret) != 0;
      young.hold = !secret ? kNowhere : state->flags & Automaton::kAsks ? at : at + 1;
    }
    state = next;
  }
  young.state = state;
  young.at = stop;
  return stop == old ? Fate::Grown : Fate::Young;
}

void Candidates::Group::set_hold(std::uint64_t hold) {
  for (std::size_t i = head; i < members.size(); ++i) {
    members[i].candidate.hold = members[i].first_hold = hold;
  }
}

void Candidates::Group::merge(const Group& other) {
  matched = matched || other.matched;
  const std::size_t middle = members.size();
  members.insert(members.end(), other.members.begin() + static_cast<std::ptrdiff_t>(other.head),
                 other.members.end());
  std::size_t changed = middle;
  if (members[middle].candidate.start < members[middle - 1].candidate.start) {
    const auto begin = members.begin() + static_cast<std::ptrdiff_t>(head);
    std::inplace_merge(
        begin, members.begin() + static_cast<std::ptrdiff_t>(middle), members.end(),
        [](const Member& a, const Member& b) { return a.candidate.start < b.candidate.start; });
    changed = members.size() - 1;
    members.back().first_hold = members.back().candidate.hold;
    for (std::size_t i = head; i < changed; ++i) members[i].first_hold = kNowhere;
  }
  // Later members rarely hold earlier text than those before them: this ends at once.
  for (std::size_t i = changed; i-- > head;) {
    const std::uint64_t hold = std::min(members[i].candidate.hold, members[i + 1].first_hold);
    if (hold == members[i].first_hold) break;
    members[i].first_hold = hold;
  }
}

std::uint64_t Candidates::first_start() const {
  std::uint64_t first = kNowhere;
  for (std::size_t i = 0; i < groups_used_; ++i) first = std::min(first, groups_[i].front().start);
  return first;
}

std::uint64_t Candidates::first_hold() const {
  std::uint64_t first = kNowhere;
  for (std::size_t i = 0; i < groups_used_; ++i) {
    if (groups_[i].state->flags & Automaton::kSecret) {
      first = std::min(first, groups_[i].first_hold());
    }
  }
  return first;
}

Candidates::Group& Candidates::add(std::size_t index) {
  if (groups_used_ == groups_.size()) groups_.emplace_back();
  std::rotate(groups_.begin() + static_cast<std::ptrdiff_t>(index),
              groups_.begin() + static_cast<std::ptrdiff_t>(groups_used_),
              groups_.begin() + static_cast<std::ptrdiff_t>(groups_used_) + 1);
  ++groups_used_;
  Group& group = groups_[index];
  group.matched = false;
  group.members.clear();
  group.head = 0;
  return group;
}

void Candidates::remove(std::size_t index) {
  std::rotate(groups_.begin() + static_cast<std::ptrdiff_t>(index),
              groups_.begin() + static_cast<std::ptrdiff_t>(index) + 1,
              groups_.begin() + static_cast<std::ptrdiff_t>(groups_used_));
  --groups_used_;
}

// The group has read the byte before `position` and stands in `next`. False: it has ended.
bool Candidates::enter(Group& group, const State* next, std::uint64_t position,
                       std::vector<Ended>& ended) {
  const unsigned flags = next->flags;
  if (flags & Automaton::kMatch) group.matched = true;
  if (flags & (Automaton::kDead | Automaton::kFinal)) {
    if (group.matched) {
      for (std::size_t i = group.head; i < group.members.size(); ++i) {
        ended.push_back({group.members[i].candidate, position});
      }
    }
    return false;
  }
  if ((flags ^ group.state->flags) & Automaton::kSecret) {
    // An assertion in between was passed before the byte: the secret may have begun with it.
    const std::uint64_t at = group.state->flags & Automaton::kAsks ? position - 1 : position;
    const bool secret = (flags & Automaton::kSecret) != 0;
    group.set_hold(secret ? at : kNowhere);
  }
  group.state = next;
  return true;
}

// Adds a candidate and lets it read up to at_, where the others stand.
void Candidates::begin(const Automaton& automaton, const Window& window, std::uint64_t start,
                       std::vector<Ended>& ended) {
  std::size_t index = groups_used_;
  while (index > 0 && groups_[index - 1].front().start > start) --index;
  Group& group = add(index);
  group.state = automaton.start(window.before(start));
  const bool secret = (group.state->flags & Automaton::kSecret) != 0;
  const std::uint64_t hold = secret ? start : kNowhere;
  group.members.push_back({{start, hold}, hold});
  for (std::uint64_t at = start; at < at_; ++at) {
    if (!enter(group, automaton.step(group.state, window.at(at)), at + 1, ended))
      return remove(index);
  }
}

void Candidates::step_all(const Automaton& automaton, const Window& window, std::uint64_t stop,
                          std::vector<Ended>& ended) {
  if (groups_used_ == 1) {
    Group& group = groups_[0];
    const State* state = group.state;
    const unsigned match = group.matched ? 0U : unsigned{Automaton::kMatch};
    const unsigned wanted = Automaton::kDead | Automaton::kFinal | match;
    while (at_ < stop) {
      const State* next = automaton.step(state, window.at(at_));
      ++at_;
      if ((next->flags & wanted) || ((next->flags ^ state->flags) & Automaton::kSecret)) {
        group.state = state;
        if (!enter(group, next, at_, ended)) remove(0);
        return;
      }
      state = next;
    }
    group.state = state;
    return;
  }
  while (at_ < stop && groups_used_ > 1) {
    const unsigned char byte = window.at(at_);
    ++at_;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < groups_used_; ++i) {
      Group& group = groups_[i];
      if (!enter(group, automaton.step(group.state, byte), at_, ended)) continue;
      Group* last = kept > 0 ? &groups_[kept - 1] : nullptr;
      if (last != nullptr && last->state == group.state) {
        last->merge(group);
        continue;
      }
      if (kept != i) std::swap(groups_[kept], group);
      ++kept;
    }
    groups_used_ = kept;
  }
}

// Ends the candidates that have reached the greatest length: what they match is decided by the text
// up to there.
void Candidates::retire(const Automaton& automaton, const Window& window, std::uint64_t max_length,
                        std::vector<Ended>& ended) {
  for (std::size_t i = 0; i < groups_used_;) {
    Group& group = groups_[i];
    // A match that ends just here may have waited for the next byte.
    const State* next = automaton.step(group.state, window.at(at_));
    const bool matched = group.matched || (next->flags & Automaton::kMatch);
    while (group.head < group.members.size() && at_ - group.front().start >= max_length) {
      if (matched) ended.push_back({group.front(), at_});
      ++group.head;
    }
    if (group.head == group.members.size()) {
      remove(i);
      continue;
    }
    if (group.head > group.members.size() / 2) {
      group.members.erase(group.members.begin(),
                          group.members.begin() + static_cast<std::ptrdiff_t>(group.head));
      group.head = 0;
    }
    ++i;
  }
}

void Candidates::advance(const Automaton& automaton, const Window& window,
                         const std::vector<std::uint64_t>& starts, std::uint64_t max_length,
                         std::vector<Ended>& ended) {
  const std::size_t before = ended.size();
  const std::uint64_t end = window.end();
  std::size_t i = 0;
  while (true) {
    if (groups_used_ == 0) {
      if (i == starts.size()) break;
      at_ = starts[i];
    }
    while (i < starts.size() && starts[i] <= at_) begin(automaton, window, starts[i++], ended);
    if (at_ >= end) break;
    const std::uint64_t first = first_start();
    if (first == kNowhere) continue;
    if (at_ - first >= max_length) {
      retire(automaton, window, max_length, ended);
      continue;
    }
    std::uint64_t stop = std::min(end, first + max_length);
    if (i < starts.size()) stop = std::min(stop, starts[i]);
    step_all(automaton, window, stop, ended);
  }
  sort_from(ended, before);
}

void Candidates::finish(const Automaton& automaton, std::uint64_t end, std::vector<Ended>& ended) {
  const std::size_t before = ended.size();
  for (std::size_t i = 0; i < groups_used_; ++i) {
    if (!groups_[i].matched && !automaton.matches_at_end(groups_[i].state)) continue;
    for (std::size_t k = groups_[i].head; k < groups_[i].members.size(); ++k) {
      ended.push_back({groups_[i].members[k].candidate, end});
    }
  }
  groups_used_ = 0;
  sort_from(ended, before);
}

}  // namespace veilwire::masking
