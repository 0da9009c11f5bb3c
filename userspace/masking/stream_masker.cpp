#include "userspace/masking/stream_masker.h"

#include "userspace/masking/both_scanners.h"
#include "userspace/masking/engine_parts.h"
#include "userspace/masking/rule_search.h"
#include "userspace/masking/utf8.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

namespace veilwire::masking {
namespace {

// A large text is read in blocks, so that no more of it is kept than a block and what is held.
constexpr std::size_t kBlock = 16 * 1024;
// Text that is no longer needed is dropped when this much has gathered: erasing it costs a copy of
// the rest.
constexpr std::size_t kSlack = 512;
// So much room a stream keeps between two pieces.
constexpr std::size_t kRoom = 2048;
// With more young starts of one rule they are followed in groups: a text may begin a match at every
// byte.
constexpr std::ptrdiff_t kMaxYoung = 16;

}  // namespace

struct StreamMasker::State {
  explicit State(std::shared_ptr<const Engine> e) : engine(std::move(e)) {}

  std::shared_ptr<const Engine> engine;
  std::shared_ptr<const Engine>
      next_engine;  // adopted inside an open region: takes over at its end

  std::string buffer;          // look-back, then what is held
  std::uint64_t base = 0;      // position of buffer[0]
  std::uint64_t released = 0;  // edits cover the text up to here
  std::uint64_t floor = 0;     // no match of this engine begins before it
  std::uint64_t since = 0;     // `released` when this engine took over

  LiteralScanner::Node node = LiteralScanner::kRoot;
  // A rule is in one of both: all its starts are young, or a search follows them.
  std::vector<std::unique_ptr<RuleSearch>> active;
  std::vector<YoungStart> young;
  std::vector<std::uint32_t> grown;              // rules, of one step
  std::optional<StartScanner::Node> start_node;  // nothing: as behind the byte before the text
  std::vector<std::uint64_t> mask_starts;
  Candidates mask_live;
  std::vector<Ended> mask_ended;
  MasksInText masks;
  std::vector<Found> pending;  // found, not yet decided

  std::size_t known_matched = 0;          // of the known secret, at the end
  std::vector<std::uint64_t> known_ends;  // where it ends; not in pending yet

  const EngineParts& parts() const { return *engine->parts; }
  const CompiledRule& rule_of(const Found& f) const {
    return f.rule == kKnownSecret ? engine->known_rule : parts().rules[f.rule];
  }
  std::uint64_t end() const { return base + buffer.size(); }
  Window window() const { return {buffer, base}; }

  void take(std::string_view block);
  void read(std::string_view block, std::uint64_t from);
  void settle(bool ended, Edits& out);
  void recognise_masks(bool ended);
  std::uint64_t frontier(bool ended) const;
  std::uint64_t hold_of_beginning(const Anchor& anchor, std::size_t length) const;
  std::uint64_t untold(std::uint32_t rule, bool ended) const;
  void decide(std::uint64_t frontier, bool ended, Edits& out);
  bool blocks_unsaid(const Found& f) const;
  void report_inner_blocks(std::uint64_t begin_before, Edits& out);
  bool open_region() const {
    return !pending.empty() && pending.front().open && pending.front().announced;
  }
  void adopt_next();
  void forget();
  void forget_search();

  void release(std::uint64_t to, Edits& out);
  void replace(std::uint64_t to, std::string replacement, std::size_t finding, Edits& out);
  std::size_t report(const Found& f, bool closes, Edits& out) const;
  void report_inner(Found& f, Edits& out) const;
  RuleSearch* search(std::uint32_t rule);
  void add_known();
  void add_start(std::uint32_t rule, std::uint64_t position);
  void follow(std::uint32_t rule);
  void read_young();
  void finish_young();
  void on_literal(std::uint32_t owner, std::uint64_t literal, std::size_t length);
};

RuleSearch* StreamMasker::State::search(std::uint32_t rule) {
  for (const auto& s : active) {
    if (s->rule() == rule) return s.get();
  }
  return nullptr;
}

void StreamMasker::State::add_start(std::uint32_t rule, std::uint64_t position) {
  if (position < floor) return;
  const CompiledExpression& what = parts().rules[rule].what;
  YoungStart start = young_start(*what.automaton, window(), rule, position);
  const Fate fate = read_on(*what.automaton, window(), what.max_length, start);
  if (fate == Fate::Dead) return;
  if (RuleSearch* known = search(rule)) return known->add_start(position);
  young.push_back(start);
  const auto of_rule = [rule](const YoungStart& y) { return y.rule == rule; };
  if (fate == Fate::Grown || (young.size() > static_cast<std::size_t>(kMaxYoung) &&
                              std::count_if(young.begin(), young.end(), of_rule) > kMaxYoung)) {
    follow(rule);
  }
}

// From here on a search follows the starts of the rule.
void StreamMasker::State::follow(std::uint32_t rule) {
  if (search(rule) == nullptr) active.emplace_back(std::make_unique<RuleSearch>(parts(), rule));
  RuleSearch& to = *search(rule);
  std::erase_if(young, [&](const YoungStart& y) {
    if (y.rule == rule) to.add_start(y.start);
    return y.rule == rule;
  });
}

void StreamMasker::State::read_young() {
  if (young.empty()) return;
  grown.clear();
  std::size_t kept = 0;
  for (YoungStart& y : young) {
    const CompiledExpression& what = parts().rules[y.rule].what;
    const Fate fate = read_on(*what.automaton, window(), what.max_length, y);
    if (fate == Fate::Grown) grown.push_back(y.rule);
    if (fate != Fate::Dead) young[kept++] = y;
  }
  young.resize(kept);
  for (const std::uint32_t rule : grown) follow(rule);
}

// The text has ended: what matches at its end is decided, the others are no match.
void StreamMasker::State::finish_young() {
  grown.clear();
  for (const YoungStart& y : young) {
    if (parts().rules[y.rule].what.automaton->matches_at_end(y.state)) grown.push_back(y.rule);
  }
  for (const std::uint32_t rule : grown) follow(rule);
  young.clear();
}

void StreamMasker::State::take(std::string_view block) {
  const std::uint64_t from = end();
  buffer += block;
  read_young();
  read(std::string_view(buffer).substr(from - base), from);
}

// Looks for what announces a match in a part of the buffer that begins at `from`.
void StreamMasker::State::read(std::string_view block, std::uint64_t from) {
  if (engine->known != nullptr)
    known_matched = engine->known->scan(known_matched, block,
                                        [&](std::size_t end) { known_ends.push_back(from + end); });
  const auto on_hit = [&](std::size_t end, const LiteralScanner::Hit& hit) {
    on_literal(hit.owner, from + end - hit.length, hit.length);
  };
  const auto on_start = [&](std::size_t end, const StartScanner::Start& s) {
    add_start(s.rule, from + end - s.length);
  };
  if (start_node && block.size() <= kSideBySide) {
    scan_both(parts().literals, node, parts().starts, *start_node, block, on_hit, on_start);
    return;
  }
  node = parts().literals.scan(node, block, on_hit);
  if (parts().starts.empty()) return;
  if (!start_node && from == 0) start_node = parts().starts.begin(Automaton::Before::Text);
  if (!start_node && !block.empty()) {  // what stands before the first byte is not known
    start_node = parts().starts.begin(Automaton::before(static_cast<unsigned char>(block[0])));
    block.remove_prefix(1);
    ++from;
  }
  if (start_node) start_node = parts().starts.scan(*start_node, block, on_start);
}

void StreamMasker::State::on_literal(std::uint32_t owner, std::uint64_t literal,
                                     std::size_t length) {
  if (literal < floor) return;
  if (owner == kMaskOwner) {
    mask_starts.push_back(literal);
    return;
  }
  const Anchor& anchor = parts().anchors[owner];
  if (!goes_on(anchor, window(), literal + length)) return;
  if (fit(parts().edges[anchor.edge], window(), literal) == Fit::No) return;
  if (!anchor.folds && !stands_at(anchor.literal, window(), literal, length)) return;
  const CompiledExpression& what = parts().rules[anchor.rule].what;
  for (std::uint32_t before = what.before_min; before <= what.before_max && before <= literal;
       ++before) {
    add_start(anchor.rule, literal - before);
  }
}

void StreamMasker::State::add_known() {
  for (const std::uint64_t at : known_ends) {
    Found f;
    f.rule = kKnownSecret;
    f.begin = f.offset = at - engine->known->size();
    f.end = f.certain = at;
    f.digest = engine->known_digest;
    pending.push_back(std::move(f));
  }
  known_ends.clear();
}

// All starts of the rule that begin before this position are known.
std::uint64_t StreamMasker::State::untold(std::uint32_t rule, bool ended) const {
  if (ended) return kNowhere;
  const CompiledExpression& what = parts().rules[rule].what;
  if (!what.literals.empty()) return end() + 1 > what.reach ? end() + 1 - what.reach : 0;
  std::uint64_t first = kNowhere;
  for (const StartScanner::Start& s : parts().starts.untold(*start_node)) {
    if (s.rule == rule) first = std::min(first, end() - s.length);
  }
  return first;
}

void StreamMasker::State::recognise_masks(bool ended) {
  if (!mask_starts.empty() || !mask_live.empty()) {
    std::sort(mask_starts.begin(), mask_starts.end());
    mask_live.advance(*parts().mask.automaton, window(), mask_starts, parts().mask.max_length,
                      mask_ended);
    mask_starts.clear();
    if (ended) mask_live.clear();
    for (const Ended& e : mask_ended) masks.spans.emplace_back(e.candidate.start, e.at);
    mask_ended.clear();
  }
  if (active.empty()) return;  // nobody asks
  masks.undecided_from = std::min(end(), mask_live.first_start());
  // The buffer may end inside "[MASKED:".
  for (std::size_t n = std::min(kMaskBegin.size() - 1, buffer.size()); n > 0; --n) {
    if (std::string_view(buffer).substr(buffer.size() - n) != kMaskBegin.substr(0, n)) continue;
    masks.undecided_from = std::min(masks.undecided_from, end() - n);
    break;
  }
}

// The first position at which a finding not yet known could begin.
std::uint64_t StreamMasker::State::frontier(bool ended) const {
  if (ended) return end();
  std::uint64_t first = end() - known_matched;
  for (const auto& s : active) first = std::min(first, s->hold());
  for (const YoungStart& y : young) first = std::min(first, y.hold);
  if (start_node) first = std::min(first, end() - parts().starts.held(*start_node));
  parts().literals.beginnings(
      node, [&](std::size_t length, const std::vector<std::uint32_t>& anchors) {
        if (end() - length >= first) return false;
        for (const std::uint32_t a : anchors)
          first = std::min(first, hold_of_beginning(parts().anchors[a], length));
        return true;
      });
  return first;
}

// Where a secret could begin, if the last `length` bytes are the beginning of the literal.
std::uint64_t StreamMasker::State::hold_of_beginning(const Anchor& anchor,
                                                     std::size_t length) const {
  const std::uint64_t literal = end() - length;
  if (literal < floor) return kNowhere;
  const CompiledExpression& what = parts().rules[anchor.rule].what;
  const Fit fits = fit(parts().edges[anchor.edge], window(), literal);
  if (fits == Fit::No || !stands_at(anchor.literal, window(), literal, length)) return kNowhere;
  if (fits == Fit::Yes && what.secret_at && floor + what.before_max <= literal)
    return literal + *what.secret_at;
  std::uint64_t first = kNowhere;
  for (std::uint64_t before = what.before_min; before <= what.before_max && before <= literal;
       ++before) {
    const std::uint64_t start = literal - before;
    if (start < floor) break;
    first = std::min(first, hold_of_start(*what.automaton, window(), start));
  }
  return first;
}

void StreamMasker::State::settle(bool ended, Edits& out) {
  while (true) {
    if (ended) {
      if (start_node) {
        for (const StartScanner::Start& s : parts().starts.ending(*start_node))
          add_start(s.rule, end() - s.length);
      }
      start_node.reset();
      finish_young();
    }
    recognise_masks(ended);
    const std::size_t known = pending.size();
    for (const auto& s : active) {
      s->advance(window());
      if (ended) s->finish(window());
    }
    for (const auto& s : active)
      s->resolve(window(), masks, untold(s->rule(), ended), ended, pending);
    add_known();
    if (pending.size() != known) {
      const auto key = [&](const Found& f) {
        const bool block = rule_of(f).treatment == Treatment::Block;
        const std::uint32_t rule = f.rule == kKnownSecret ? 0 : f.rule + 1;
        return std::tuple(f.begin, !f.region, f.region ? 0 : ~f.end, !block, rule);
      };
      std::stable_sort(pending.begin(), pending.end(), [&](const Found& a, const Found& b) {
        if (a.announced != b.announced) return a.announced;  // what has been said stays said
        return key(a) < key(b);
      });
    }
    decide(frontier(ended), ended, out);
    if (next_engine == nullptr || open_region()) break;
    adopt_next();
  }
  forget();
}

// Findings that begin before the frontier are known, so the first of them is the leftmost-longest.
// One that lies within what is covered already is dropped, but said where it blocks; of one that
// reaches out of it the rest is masked.
void StreamMasker::State::decide(std::uint64_t frontier, bool ended, Edits& out) {
  std::size_t done = 0;
  bool open = false;
  for (; done < pending.size() && pending[done].begin < frontier && !open; done += open ? 0 : 1) {
    Found& f = pending[done];
    open = f.open;
    if (f.announced) {
      const std::size_t finding = open || f.reported ? SIZE_MAX : report(f, true, out);
      if (f.end > released) replace(f.end, {}, finding, out);
      if (!open && next_engine != nullptr) {
        report_inner_blocks(released, out);  // the next engine does not look at what is covered
        ++done;
        break;
      }
      continue;
    }
    if (f.begin < released && blocks_unsaid(f)) report_inner(f, out);
    if (f.end > released) {
      release(std::max(f.begin, released), out);
      f.offset = released;
      f.announced = true;
      const std::size_t finding = f.reported ? SIZE_MAX : report(f, false, out);
      replace(f.end, parts().replacement(rule_of(f), f.digest), finding, out);
    }
  }
  pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(done));
  if (open) {
    // Nothing behind an open region can be decided, and what lies inside it need not be kept.
    const std::uint64_t covered = std::max(released, pending.front().end);
    // While it may end within what is covered, it is open whether its mask stands before a block.
    if (pending.front().announced) report_inner_blocks(std::min(covered, frontier), out);
    std::erase_if(pending,
                  [&](const Found& f) { return !f.open && f.end <= covered && !blocks_unsaid(f); });
    return;
  }
  if (next_engine != nullptr) return;
  std::uint64_t limit = pending.empty() ? frontier : std::min(frontier, pending.front().begin);
  if (!ended && limit == end()) limit = base + whole_code_points(buffer);
  while (limit > released && limit < end() && is_continuation(buffer[limit - base])) --limit;
  if (limit > released) release(limit, out);
}

bool StreamMasker::State::blocks_unsaid(const Found& f) const {
  return rule_of(f).treatment == Treatment::Block && !f.announced && !f.reported &&
         f.certain > since;
}

// For those that begin inside of what is covered.
void StreamMasker::State::report_inner_blocks(std::uint64_t begin_before, Edits& out) {
  for (Found& f : pending) {
    if (f.begin < begin_before && blocks_unsaid(f)) report_inner(f, out);
  }
}

void StreamMasker::State::report_inner(Found& f, Edits& out) const {
  Found match = f;
  match.end = f.certain;
  match.open = false;
  out.list.push_back({0, true, {}, report(match, false, out), {}});
  f.reported = true;
}

void StreamMasker::State::release(std::uint64_t to, Edits& out) {
  if (to == released) return;
  if (!out.list.empty() && !out.list.back().replaced) {
    out.list.back().consumed += to - released;
  } else {
    out.list.push_back({to - released, false, {}, SIZE_MAX, {}});
  }
  released = to;
}

void StreamMasker::State::replace(std::uint64_t to, std::string replacement, std::size_t finding,
                                  Edits& out) {
  out.list.push_back({to - released, true, std::move(replacement), finding,
                      buffer.substr(static_cast<std::size_t>(released - base),
                                    static_cast<std::size_t>(to - released))});
  released = to;
}

std::size_t StreamMasker::State::report(const Found& f, bool closes, Edits& out) const {
  const CompiledRule& rule = rule_of(f);
  Finding finding;
  finding.rule = rule.rule.id;
  finding.category = rule.rule.category;
  finding.offset = f.offset;
  finding.length = f.end - f.offset;
  finding.digest = f.digest;
  finding.treatment = rule.treatment;
  finding.open = f.open;
  finding.closes = closes;
  out.findings.push_back(std::move(finding));
  return out.findings.size() - 1;
}

void StreamMasker::State::forget_search() {
  active.clear();
  young.clear();
  start_node.reset();
  pending.clear();
  mask_starts.clear();
  mask_live.clear();
  masks = {};
  node = LiteralScanner::kRoot;
  known_matched = 0;
  known_ends.clear();
}

// What is held is judged anew, with what is left of the text before it as context.
void StreamMasker::State::adopt_next() {
  engine = std::move(next_engine);
  next_engine = nullptr;
  forget_search();
  since = released;
  floor = base == 0 ? 0 : base + 1;  // the byte before a start is looked at
  read(buffer, base);
}

// Drops text that nothing will look at again.
void StreamMasker::State::forget() {
  std::erase_if(active, [&](const auto& s) { return s->idle(end()); });
  const std::uint64_t look_back = parts().look_back;
  std::uint64_t keep = end() > look_back ? std::min(released, end() - look_back) : 0;
  for (const auto& s : active) {
    const std::uint64_t needed = s->needed();
    if (needed != kNowhere) keep = std::min(keep, needed > look_back ? needed - look_back : 0);
  }
  for (const YoungStart& y : young)
    keep = std::min(keep, y.start > look_back ? y.start - look_back : 0);
  if (keep < base + kSlack) return;
  buffer.erase(0, keep - base);
  base = keep;
  if (buffer.capacity() > kRoom && buffer.size() <= kRoom) buffer.shrink_to_fit();
  while (!masks.spans.empty() && masks.spans.front().second <= base) masks.spans.pop_front();
}

StreamMasker::StreamMasker(std::shared_ptr<const Engine> engine)
    : state_(std::make_unique<State>(std::move(engine))) {}
StreamMasker::StreamMasker(StreamMasker&&) noexcept = default;
StreamMasker& StreamMasker::operator=(StreamMasker&&) noexcept = default;
StreamMasker::~StreamMasker() = default;

void StreamMasker::feed(std::string_view text, Edits& out) {
  while (!text.empty()) {
    const std::string_view block = text.substr(0, kBlock);
    text.remove_prefix(block.size());
    state_->take(block);
    state_->settle(false, out);
  }
}

void StreamMasker::finish(Edits& out) { state_->settle(true, out); }

void StreamMasker::adopt(std::shared_ptr<const Engine> engine, Edits& out) {
  state_->next_engine = std::move(engine);
  if (state_->open_region()) return;
  state_->adopt_next();
  state_->settle(false, out);
}

void StreamMasker::restart() {
  State& s = *state_;
  if (s.next_engine != nullptr) s.engine = std::move(s.next_engine);
  s.next_engine = nullptr;
  s.forget_search();
  s.buffer.clear();
  s.base = s.released = s.floor = s.since = 0;
}

std::uint64_t StreamMasker::held() const { return state_->end() - state_->released; }

}  // namespace veilwire::masking
