#include "userspace/masking/automaton.h"

#include <algorithm>
#include <optional>
#include <type_traits>
#include <utility>

namespace veilwire::masking {
namespace {

using Kind = Expression::Kind;

// An expression with nested counts multiplies: (a{1000}){1000}.
constexpr std::size_t kMaxPlaces = 40'000;
// A text that drives an expression through ever new states. Beyond it the automaton answers
// "perhaps", and the length of the rule decides.
constexpr std::size_t kMaxStateMemory = 1 << 20;

constexpr int kEndOfText = -1;

bool is_word(int byte) {
  return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= 'a' && byte <= 'z') || byte == '_';
}

}  // namespace

struct Automaton::Place {
  enum class Kind : std::uint8_t { Byte, Fork, Assert, Match };
  Kind kind = Kind::Match;
  bool secret = false;
  Assertion assertion = Assertion::TextBegin;
  std::uint32_t set = 0;              // Byte: which of sets_ passes
  std::uint32_t next = 0, other = 0;  // Fork takes both
};

// Built back to front: every piece knows where the text goes on after it.
struct Automaton::Builder {
  std::vector<Place>& program;
  std::vector<ByteSet> sets;
  bool secret = true;
  bool overflow = false;

  std::uint32_t add(Place place) {
    if (program.size() >= kMaxPlaces) {
      overflow = true;
      return 0;
    }
    place.secret = secret;
    program.push_back(place);
    return static_cast<std::uint32_t>(program.size() - 1);
  }

  std::uint32_t fork(std::uint32_t a, std::uint32_t b) {
    Place p;
    p.kind = Place::Kind::Fork;
    p.next = a, p.other = b;
    return add(p);
  }

  std::uint32_t sequence(std::span<const Expression> parts, std::uint32_t next) {
    for (std::size_t i = parts.size(); i-- > 0 && !overflow;) next = piece(parts[i], next);
    return next;
  }

  // As sequence() and piece(), but what stands before the capture is no secret yet, each way
  // through an alternation on its own.
  std::uint32_t sequence_to_secret(std::span<const Expression> parts, std::uint32_t next,
                                   std::uint32_t group) {
    const auto first = std::find_if(parts.begin(), parts.end(),
                                    [&](const Expression& e) { return has_capture(e, group); });
    const auto at = static_cast<std::size_t>(first - parts.begin());
    for (std::size_t i = parts.size(); i-- > 0 && !overflow;) {
      secret = i > at;
      next = i == at ? piece_to_secret(parts[i], next, group) : piece(parts[i], next);
    }
    return next;
  }

  std::uint32_t piece_to_secret(const Expression& e, std::uint32_t next, std::uint32_t group) {
    if (e.kind == Kind::Concat) return sequence_to_secret(e.parts, next, group);
    if (e.kind == Kind::Capture && group != 0 && e.capture != group)
      return piece_to_secret(e.parts[0], next, group);
    if (e.kind == Kind::Alternate) {
      const auto way = [&](const Expression& part) {
        secret = false;
        return has_capture(part, group) ? piece_to_secret(part, next, group) : piece(part, next);
      };
      std::uint32_t all = way(e.parts.back());
      for (std::size_t i = e.parts.size() - 1; i-- > 0;) all = fork(way(e.parts[i]), all);
      return all;
    }
    secret = true;
    return piece(e, next);
  }

  std::uint32_t piece(const Expression& e, std::uint32_t next) {
    if (overflow) return next;
    switch (e.kind) {
      case Expression::Kind::Empty:
        return next;
      case Expression::Kind::Bytes: {
        Place p;
        p.kind = Place::Kind::Byte;
        const auto known = std::find(sets.begin(), sets.end(), e.bytes);
        p.set = static_cast<std::uint32_t>(known - sets.begin());
        if (known == sets.end()) sets.push_back(e.bytes);
        p.next = next;
        return add(p);
      }
      case Expression::Kind::Assert: {
        Place p;
        p.kind = Place::Kind::Assert;
        p.assertion = e.assertion;
        p.next = next;
        return add(p);
      }
      case Expression::Kind::Concat:
        return sequence(e.parts, next);
      case Expression::Kind::Capture:
        return piece(e.parts[0], next);
      case Expression::Kind::Alternate: {
        std::uint32_t all = piece(e.parts.back(), next);
        for (std::size_t i = e.parts.size() - 1; i-- > 0;) all = fork(piece(e.parts[i], next), all);
        return all;
      }
      case Expression::Kind::Repeat:
        return repeat(e, next);
    }
    return next;
  }

  std::uint32_t repeat(const Expression& e, std::uint32_t next) {
    if (e.max == kUnbounded) {
      // loop: fork(body loop, next)
      const std::uint32_t loop = fork(next, next);
      const std::uint32_t body = piece(e.parts[0], loop);
      if (overflow) return next;
      (e.lazy ? program[loop].other : program[loop].next) = body;
      next = loop;
    } else {
      // x{0,2} is (x(x)?)?: each fork leads out to the same end.
      const std::uint32_t out = next;
      for (std::uint32_t i = e.min; i < e.max && !overflow; ++i) {
        const std::uint32_t body = piece(e.parts[0], next);
        next = e.lazy ? fork(out, body) : fork(body, out);
      }
    }
    for (std::uint32_t i = 0; i < e.min && !overflow; ++i) next = piece(e.parts[0], next);
    return next;
  }
};

Automaton::Automaton() = default;
Automaton::~Automaton() = default;

const std::array<Automaton::Before, 256> Automaton::kBefore = [] {
  std::array<Before, 256> out{};
  for (int b = 0; b < 256; ++b) {
    out[static_cast<std::size_t>(b)] = is_word(b) ? Before::Word : Before::Other;
  }
  out['\n'] = Before::Newline;
  return out;
}();

Result<std::unique_ptr<Automaton>, std::string> Automaton::build(
    std::span<const Expression> context, std::span<const Expression> rest,
    std::optional<std::uint32_t> secret_group, std::size_t skipped) {
  std::unique_ptr<Automaton> a(new Automaton);
  Builder builder{a->program_, {}};
  const std::uint32_t match = builder.add(Place{});
  std::uint32_t entry = secret_group ? builder.sequence_to_secret(rest, match, *secret_group)
                                     : builder.sequence(rest, match);
  builder.secret = false;
  entry = builder.sequence(context.subspan(skipped), entry);
  a->entry_behind_skipped_ = entry;
  entry = builder.sequence(context.first(skipped), entry);
  if (builder.overflow)
    return Unexpected{std::string("too large: its counts multiply to more than 40000 places")};
  a->entry_ = entry;
  for (const Place& p : a->program_) a->asserts_ = a->asserts_ || p.kind == Place::Kind::Assert;

  // Bytes that no set tells apart are one class.
  std::vector<ByteSet> sets = builder.sets;
  if (a->asserts_) {
    ByteSet words, newline;
    for (int b = 0; b < 256; ++b) words[static_cast<std::size_t>(b)] = is_word(b);
    newline.set('\n');
    sets.push_back(words), sets.push_back(newline);
  }
  std::map<std::vector<bool>, std::uint8_t> known;
  for (unsigned b = 0; b < 256; ++b) {
    std::vector<bool> signature;
    signature.reserve(sets.size());
    for (const ByteSet& s : sets) signature.push_back(s[b]);
    const auto [it, fresh] =
        known.emplace(std::move(signature), static_cast<std::uint8_t>(known.size()));
    if (fresh) a->representatives_.push_back(static_cast<unsigned char>(b));
    a->classes_[b] = it->second;
  }
  for (const ByteSet& bytes : builder.sets) {
    ByteSet& classes = a->sets_.emplace_back();
    for (std::size_t c = 0; c < a->representatives_.size(); ++c)
      classes[c] = bytes[a->representatives_[c]];
  }
  a->program_.shrink_to_fit();

  a->unknown_ = a->make_state();
  a->unknown_->flags = kMatch | kSecret;
  for (std::size_t c = 0; c < a->representatives_.size(); ++c)
    a->unknown_->next(static_cast<std::uint8_t>(c)).store(a->unknown_.get());
  for (Before before : {Before::Other, Before::Word, Before::Newline, Before::Text}) {
    a->starts_[static_cast<std::size_t>(before)] = a->start_state(before);
  }
  return a;
}

const Automaton::State* Automaton::start_state(Before before) const {
  std::vector<std::uint32_t> places;
  std::vector<bool> seen(program_.size());
  close(entry_, places, seen);
  const std::lock_guard lock(mutex_);
  return intern(places, false, static_cast<std::uint8_t>(before));
}

// Adds every place that is reached from `place` without a byte and without an assertion, the
// preferred first.
void Automaton::close(std::uint32_t place, std::vector<std::uint32_t>& set,
                      std::vector<bool>& seen) const {
  std::vector<std::uint32_t> todo{place};
  while (!todo.empty()) {
    const std::uint32_t at = todo.back();
    todo.pop_back();
    if (seen[at]) continue;
    seen[at] = true;
    const Place& p = program_[at];
    if (p.kind == Place::Kind::Fork) {
      todo.push_back(p.other), todo.push_back(p.next);
    } else {
      set.push_back(at);
    }
  }
}

// Passes the assertions that hold between `before` and the byte `next` (or the end), each replaced
// by what it leads to. True: that is a match, which could not be known without `next`.
bool Automaton::pass(std::vector<std::uint32_t>& places, std::uint8_t before, int next) const {
  const auto b = static_cast<Before>(before);
  const bool boundary = (b == Before::Word) != is_word(next);
  std::vector<bool> seen(program_.size());
  std::vector<std::uint32_t> todo(places.rbegin(), places.rend());
  places.clear();
  while (!todo.empty()) {
    const std::uint32_t at = todo.back();
    todo.pop_back();
    if (seen[at]) continue;
    seen[at] = true;
    const Place& p = program_[at];
    if (p.kind == Place::Kind::Fork) {
      todo.push_back(p.other), todo.push_back(p.next);
      continue;
    }
    if (p.kind == Place::Kind::Match) return true;  // preferred to all that is left
    if (p.kind == Place::Kind::Byte) {
      places.push_back(at);
      continue;
    }
    bool holds = false;
    switch (p.assertion) {
      case Assertion::TextBegin:
        holds = b == Before::Text;
        break;
      case Assertion::TextEnd:
        holds = next == kEndOfText;
        break;
      case Assertion::LineBegin:
        holds = b == Before::Text || b == Before::Newline;
        break;
      case Assertion::LineEnd:
        holds = next == kEndOfText || next == '\n';
        break;
      case Assertion::WordBoundary:
        holds = boundary;
        break;
      case Assertion::NotWordBoundary:
        holds = !boundary;
        break;
    }
    if (holds) todo.push_back(p.next);
  }
  return false;
}

const Automaton::State* Automaton::explore(const State* state, std::uint8_t byte_class) const {
  const std::lock_guard lock(mutex_);
  if (const State* known = state->next(byte_class).load(std::memory_order_acquire)) return known;
  const unsigned char byte = representatives_[byte_class];
  std::vector<std::uint32_t> here(state->places.begin(), state->places.end());
  // A match among the places is the last of them, and needs no byte to be one.
  const bool matched = asserts_ && pass(here, state->before, byte);
  std::vector<bool> seen(program_.size());
  std::vector<std::uint32_t> places;
  for (std::uint32_t at : here) {
    const Place& p = program_[at];
    if (p.kind == Place::Kind::Byte && sets_[p.set][byte_class]) close(p.next, places, seen);
  }
  const State* next = intern(places, matched, static_cast<std::uint8_t>(before(byte)));
  state->next(byte_class).store(next, std::memory_order_release);
  return next;
}

const Automaton::State* Automaton::intern(std::vector<std::uint32_t>& places, bool matched,
                                          std::uint8_t before) const {
  // What asks for a beginning that is not here can no longer be passed.
  const auto b = static_cast<Before>(before);
  std::erase_if(places, [&](std::uint32_t at) {
    const Place& p = program_[at];
    if (p.kind != Place::Kind::Assert) return false;
    if (p.assertion == Assertion::TextBegin) return b != Before::Text;
    return p.assertion == Assertion::LineBegin && b != Before::Text && b != Before::Newline;
  });
  // What is less preferred than a match can no longer be one.
  const auto match_at = std::find_if(places.begin(), places.end(), [&](std::uint32_t at) {
    return program_[at].kind == Place::Kind::Match;
  });
  if (match_at != places.end()) places.erase(match_at + 1, places.end());
  bool asks = false, secret = false, match = false;
  for (std::uint32_t at : places) {
    asks = asks || program_[at].kind == Place::Kind::Assert;
    secret = secret || program_[at].secret;
    match = match || program_[at].kind == Place::Kind::Match;
  }
  if (!asks) before = 0;
  std::vector<std::uint32_t> key = places;
  key.push_back(before);
  key.push_back(matched ? 1 : 0);
  if (const auto it = states_.find(key); it != states_.end()) return it->second.get();

  const std::size_t size =
      sizeof(State) + key.size() * sizeof(std::uint32_t) + representatives_.size() * sizeof(void*);
  if (memory_ + size > kMaxStateMemory && !places.empty()) return unknown_.get();
  memory_ += size;
  const auto known = states_.emplace(std::move(key), make_state()).first;
  State* const state = known->second.get();
  state->places = std::span(known->first).first(places.size());
  state->before = before;
  unsigned flags = 0;
  if (places.empty()) flags |= kDead;
  if (match || matched) flags |= kMatch;
  if (match && places.size() == 1) flags |= kFinal;
  if (secret) flags |= kSecret;
  if (asks) flags |= kAsks;
  state->flags = static_cast<std::uint8_t>(flags);
  for (std::size_t c = 0; c < representatives_.size() && places.empty(); ++c)
    state->next(static_cast<std::uint8_t>(c)).store(state, std::memory_order_relaxed);
  return state;
}

Automaton::StateMemory Automaton::make_state() const {
  static_assert(std::is_trivially_destructible_v<State>);
  const std::size_t classes = representatives_.size();
  void* const memory = ::operator new(sizeof(State) + classes * sizeof(std::atomic<const State*>));
  StateMemory state(new (memory) State);
  for (std::size_t c = 0; c < classes; ++c)
    new (&state->next(static_cast<std::uint8_t>(c))) std::atomic<const State*>(nullptr);
  return state;
}

bool Automaton::matches_at_end(const State* state) const {
  if (state->flags & kMatch) return true;
  std::vector<std::uint32_t> here(state->places.begin(), state->places.end());
  return asserts_ && pass(here, state->before, kEndOfText);
}

// Reads one of `bytes` at each of the places. Answers which bytes could have been read; nothing
// where a match has ended, behind which there may be any.
std::optional<ByteSet> Automaton::read_any(std::vector<std::uint32_t>& places,
                                           const ByteSet& bytes) const {
  ByteSet wanted, classes;
  for (std::size_t b = 0; b < 256; ++b) {
    if (bytes[b]) wanted.set(classes_[b]);
  }
  std::vector<bool> seen(program_.size());
  std::vector<std::uint32_t> todo = std::move(places);
  places.clear();
  while (!todo.empty()) {
    const std::uint32_t at = todo.back();
    todo.pop_back();
    if (seen[at]) continue;
    seen[at] = true;
    const Place& p = program_[at];
    if (p.kind == Place::Kind::Match) return std::nullopt;
    if (p.kind == Place::Kind::Byte) {
      classes |= sets_[p.set];
      if ((sets_[p.set] & wanted).any()) places.push_back(p.next);
      continue;
    }
    todo.push_back(p.next);
    if (p.kind == Place::Kind::Fork) todo.push_back(p.other);
  }
  ByteSet out;
  for (std::size_t b = 0; b < 256; ++b) out[b] = classes[classes_[b]];
  return out;
}

std::vector<ByteSet> Automaton::bytes_behind(std::span<const ByteSet> literal,
                                             std::size_t count) const {
  std::vector<ByteSet> out(count, ~ByteSet{});
  std::vector<std::uint32_t> here{entry_behind_skipped_};
  for (const ByteSet& bytes : literal) {
    if (!read_any(here, bytes)) return out;
  }
  for (ByteSet& bytes : out) {
    const std::optional<ByteSet> can = read_any(here, bytes);
    if (!can) break;
    bytes = *can;
  }
  return out;
}

}  // namespace veilwire::masking
