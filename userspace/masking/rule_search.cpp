#include "userspace/masking/rule_search.h"

#include "userspace/masking/engine_parts.h"
#include "userspace/masking/utf8.h"

#include <algorithm>
#include <utility>

namespace veilwire::masking {
namespace {

// Bytes of an open region that are read before it is asked whether it has ended.
constexpr std::uint64_t kRegionStep = 256;

}  // namespace

RuleSearch::RuleSearch(const EngineParts& engine, std::uint32_t rule)
    : engine_(engine), rule_(engine.rules[rule]), index_(rule) {}

void RuleSearch::add_waiting() {
  for (const Ended& e : ended_) {
    const auto at = std::upper_bound(
        waiting_.begin(), waiting_.end(), e.candidate.start,
        [](std::uint64_t start, const Waiting& w) { return start < w.candidate.start; });
    Waiting w;
    w.candidate = e.candidate;
    w.at = e.at;
    waiting_.insert(at, w);
  }
  ended_.clear();
}

void RuleSearch::advance(const Window& window) {
  if (starts_.size() > 1) {
    std::sort(starts_.begin(), starts_.end());
    starts_.erase(std::unique(starts_.begin(), starts_.end()), starts_.end());
  }
  std::erase_if(starts_, [&](std::uint64_t s) { return s < resume_; });
  live_.advance(*rule_.what.automaton, window, starts_, rule_.what.max_length, ended_);
  starts_.clear();
  add_waiting();
}

void RuleSearch::finish(const Window& window) {
  live_.finish(*rule_.what.automaton, window.end(), ended_);
  add_waiting();
}

RuleSearch::Answer RuleSearch::judge(Waiting& w, const Window& window, const MasksInText& masks,
                                     bool ended) {
  const std::uint64_t start = w.candidate.start;
  if (!w.matched) {
    Span whole, secret;
    const std::size_t from = start - window.base;
    if (!rule_.what.matcher->match(window.text, from, from + rule_.what.max_length,
                                   rule_.what.group, whole, secret)) {
      return Answer::No;
    }
    if (is_continuation(window.text[secret.begin])) return Answer::No;
    w.matched = true;
    w.match_end = window.base + whole.end;
    w.begin = w.candidate.hold = window.base + secret.begin;
    w.end = window.base + secret.end;
  }
  const auto end = code_point_end(window.text, w.end - window.base, ended);
  if (!end) return Answer::Wait;
  if (!ended && masks.undecided_from < w.match_end) return Answer::Wait;
  w.end = window.base + *end;

  const auto touches = [&](const std::pair<std::uint64_t, std::uint64_t>& mask) {
    return mask.first < w.match_end && start < mask.second;
  };
  const auto part = [&](std::uint64_t from, std::uint64_t to) {
    return window.text.substr(from - window.base, to - from);
  };
  if (std::any_of(masks.spans.begin(), masks.spans.end(), touches) ||
      !rule_.accepts(part(start, w.match_end), part(w.begin, w.end))) {
    refuse(w);
    return Answer::No;
  }
  return Answer::Yes;
}

void RuleSearch::refuse(const Waiting& w) {
  if (w.candidate.start >= refused_end_) {
    refusals_ = 0;
    refused_end_ = w.end;
  }
  if (++refusals_ > kMaxRefusals) resume_ = std::max(resume_, refused_end_);
}

void RuleSearch::resolve(const Window& window, const MasksInText& masks, std::uint64_t untold,
                         bool ended, std::vector<Found>& found) {
  std::size_t done = 0;
  while (!in_region_ || close_region(window, ended, found)) {
    while (done < waiting_.size() && waiting_[done].candidate.start < resume_) ++done;
    if (done == waiting_.size()) break;
    Waiting& w = waiting_[done];
    const std::uint64_t start = w.candidate.start;
    // An earlier start may yet claim this text.
    if (live_.first_start() < start) break;
    if (untold < start) break;
    const Answer answer = judge(w, window, masks, ended);
    if (answer == Answer::Wait) break;
    ++done;
    if (answer == Answer::No) continue;
    Found f;
    f.rule = index_;
    f.begin = f.offset = w.begin;
    f.end = f.certain = w.end;
    f.digest = engine_.digest(window.text.substr(w.begin - window.base, w.end - w.begin));
    resume_ = w.end;
    if (rule_.region) {
      f.region = f.open = in_region_ = true;
      region_read_ = w.match_end;
    }
    found.push_back(std::move(f));
  }
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(done));
  // What began inside the region so far is part of it.
  if (in_region_) {
    std::erase_if(waiting_, [&](const Waiting& w) { return w.candidate.start < resume_; });
  }
}

// Looks for the end of the open region; true: it is closed. Reads no further than it must: a block
// of text may hold many regions.
bool RuleSearch::close_region(const Window& window, bool ended, std::vector<Found>& found) {
  std::uint64_t surely = 0;
  std::optional<std::uint64_t> end;
  while (true) {
    end = region_end(window, ended && region_read_ == window.end(), surely);
    if (end || region_read_ == window.end()) break;
    read_region(window);
  }
  if (!end && ended) end = window.end();
  const auto open = std::find_if(found.begin(), found.end(),
                                 [&](const Found& f) { return f.open && f.rule == index_; });
  resume_ = std::max(resume_, end.value_or(surely));
  open->end = std::max(open->end, end.value_or(surely));
  if (!end) return false;
  open->open = in_region_ = false;
  ends_.clear();
  end_ended_.clear();
  return true;
}

void RuleSearch::read_region(const Window& window) {
  const Automaton& automaton = *rule_.end.automaton;
  const std::uint64_t to = std::min(window.end(), region_read_ + kRegionStep);
  const Window part{window.text.substr(0, to - window.base), window.base};
  region_starts_.clear();
  for (std::uint64_t at = region_read_; at < to; ++at) {
    const Automaton::State* first =
        automaton.step(automaton.start(window.before(at)), window.at(at));
    if (first->flags != Automaton::kDead) region_starts_.push_back(at);
  }
  ends_.advance(automaton, part, region_starts_, rule_.end.max_length, end_ended_);
  region_read_ = to;
}

// The end of the open region, as far as what was read of it tells; else how far it surely reaches.
std::optional<std::uint64_t> RuleSearch::region_end(const Window& window, bool ended,
                                                    std::uint64_t& surely) {
  if (ended) ends_.finish(*rule_.end.automaton, window.end(), end_ended_);
  std::sort(end_ended_.begin(), end_ended_.end(),
            [](const Ended& a, const Ended& b) { return a.candidate.start < b.candidate.start; });
  surely = std::min(region_read_, ends_.first_start());
  std::size_t done = 0;
  std::optional<std::uint64_t> end;
  for (; done < end_ended_.size() && !end; ++done) {
    const std::uint64_t start = end_ended_[done].candidate.start;
    if (ends_.first_start() < start) break;
    const std::size_t from = start - window.base;
    std::size_t at = 0;
    if (!rule_.end.matcher->match_end(window.text, from, from + rule_.end.max_length, at)) continue;
    const auto whole = code_point_end(window.text, at, ended);
    if (!whole) {  // the rest of the code point decides
      surely = std::min(surely, start);
      break;
    }
    end = window.base + *whole;
  }
  end_ended_.erase(end_ended_.begin(), end_ended_.begin() + static_cast<std::ptrdiff_t>(done));
  return end;
}

std::uint64_t RuleSearch::hold() const {
  std::uint64_t first = live_.first_hold();
  for (const Waiting& w : waiting_) first = std::min(first, w.candidate.hold);
  return first;
}

std::uint64_t RuleSearch::needed() const {
  std::uint64_t first =
      std::min(live_.first_start(), waiting_.empty() ? kNowhere : waiting_.front().candidate.start);
  if (in_region_) {
    first = std::min({first, ends_.first_start(), region_read_});
    if (!end_ended_.empty()) first = std::min(first, end_ended_.front().candidate.start);
  }
  return first;
}

bool RuleSearch::idle(std::uint64_t end) const {
  return live_.empty() && waiting_.empty() && !in_region_ &&
         end >= std::max(resume_, refused_end_) + rule_.what.reach;
}

}  // namespace veilwire::masking
