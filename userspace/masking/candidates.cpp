#include "userspace/masking/candidates.h"

#include <algorithm>
#include <utility>

namespace veilwire::masking {

using State = Automaton::State;

std::uint64_t Candidates::first_start() const {
  std::uint64_t first = kNowhere;
  for (std::size_t i = 0; i < groups_used_; ++i)
    first = std::min(first, groups_[i].members.front().start);
  return first;
}

std::uint64_t Candidates::first_hold() const {
  std::uint64_t first = kNowhere;
  for (std::size_t i = 0; i < groups_used_; ++i) {
    if (!(groups_[i].state->flags & Automaton::kSecret)) continue;
    for (const Candidate& c : groups_[i].members) first = std::min(first, c.hold);
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
      for (const Candidate& c : group.members) ended.push_back({c, position});
    }
    return false;
  }
  if ((flags ^ group.state->flags) & Automaton::kSecret) {
    // An assertion in between was passed before the byte: the secret may have begun with it.
    const std::uint64_t at = group.state->flags & Automaton::kAsks ? position - 1 : position;
    const bool secret = (flags & Automaton::kSecret) != 0;
    const std::uint64_t hold = secret ? at : kNowhere;
    for (Candidate& c : group.members) c.hold = hold;
  }
  group.state = next;
  return true;
}

// Adds a candidate and lets it read up to at_, where the others stand.
void Candidates::begin(const Automaton& automaton, const Window& window, std::uint64_t start,
                       std::vector<Ended>& ended) {
  std::size_t index = groups_used_;
  while (index > 0 && groups_[index - 1].members.front().start > start) --index;
  Group& group = add(index);
  group.state = automaton.start(window.before(start));
  const bool secret = (group.state->flags & Automaton::kSecret) != 0;
  group.members.push_back({start, secret ? start : kNowhere});
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
        last->matched = last->matched || group.matched;
        const auto middle = static_cast<std::ptrdiff_t>(last->members.size());
        last->members.insert(last->members.end(), group.members.begin(), group.members.end());
        std::inplace_merge(
            last->members.begin(), last->members.begin() + middle, last->members.end(),
            [](const Candidate& a, const Candidate& b) { return a.start < b.start; });
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
    std::vector<Candidate>& members = groups_[i].members;
    // A match that ends just here may have waited for the next byte.
    const State* next = automaton.step(groups_[i].state, window.at(at_));
    const bool matched = groups_[i].matched || (next->flags & Automaton::kMatch);
    std::size_t old = 0;
    for (; old < members.size() && at_ - members[old].start >= max_length; ++old) {
      if (matched) ended.push_back({members[old], at_});
    }
    members.erase(members.begin(), members.begin() + static_cast<std::ptrdiff_t>(old));
    if (members.empty()) {
      remove(i);
    } else {
      ++i;
    }
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
  std::stable_sort(
      ended.begin() + static_cast<std::ptrdiff_t>(before), ended.end(),
      [](const Ended& a, const Ended& b) { return a.candidate.start < b.candidate.start; });
}

void Candidates::finish(const Automaton& automaton, std::uint64_t end, std::vector<Ended>& ended) {
  const std::size_t before = ended.size();
  for (std::size_t i = 0; i < groups_used_; ++i) {
    if (!groups_[i].matched && !automaton.matches_at_end(groups_[i].state)) continue;
    for (const Candidate& c : groups_[i].members) ended.push_back({c, end});
  }
  groups_used_ = 0;
  std::stable_sort(
      ended.begin() + static_cast<std::ptrdiff_t>(before), ended.end(),
      [](const Ended& a, const Ended& b) { return a.candidate.start < b.candidate.start; });
}

}  // namespace veilwire::masking
