#include "userspace/masking/start_scanner.h"

#include <algorithm>
#include <bit>
#include <new>
#include <utility>

namespace veilwire::masking {
namespace {

// For the begins and what follows them within a byte: there is always room for these.
constexpr std::size_t kReserved = 4 + 4 * 256;

}  // namespace

void StartScanner::build(std::vector<Rule> rules) {
  rules_ = std::move(rules);
  // Bytes that no automaton tells apart are one class.
  std::map<std::vector<std::uint8_t>, std::uint8_t> known;
  for (unsigned b = 0; b < 256; ++b) {
    const auto byte = static_cast<unsigned char>(b);
    std::vector<std::uint8_t> signature{static_cast<std::uint8_t>(Automaton::before(byte))};
    for (const Rule& rule : rules_) signature.push_back(rule.automaton->byte_class(byte));
    classes_[b] =
        known.emplace(std::move(signature), static_cast<std::uint8_t>(known.size())).first->second;
  }
  shift_ = static_cast<unsigned>(std::countr_zero(std::bit_ceil(known.size())));
  // The pages of rows that no text has come to are never touched.
  table_.reset(static_cast<std::int32_t*>(std::calloc(kMaxStates << shift_, sizeof(std::int32_t))));
  if (table_ == nullptr) throw std::bad_alloc();
  states_ = std::make_unique<std::unique_ptr<const State>[]>(kMaxStates);
  for (std::size_t b = 0; b < begins_.size(); ++b)
    begins_[b] = intern({static_cast<Automaton::Before>(b), {}, {}});
}

bool StartScanner::full() const {
  const std::lock_guard lock(mutex_);
  return known_.size() + 1 + kReserved >= kMaxStates;
}

// What becomes of a start when the text goes on with `byte`.
void StartScanner::step(const Live& from, unsigned char byte, Key& to) const {
  const Automaton::State* next = rules_[from.rule].automaton->step(from.at, byte);
  const auto length = static_cast<std::uint8_t>(from.length + 1);
  if ((next->flags & Automaton::kMatch) ||
      (length == kDepth && !(next->flags & Automaton::kDead))) {
    to.told.push_back({rules_[from.rule].index, length});
    return;
  }
  if (next->flags & Automaton::kDead) return;
  std::uint8_t secret = 0;
  if (next->flags & Automaton::kSecret) {
    if (from.at->flags & Automaton::kSecret) {
      secret = from.secret + 1U;
    } else {
      // An assertion in between was passed before the byte: the secret may have begun with it.
      secret = from.at->flags & Automaton::kAsks ? 1 : 0;
    }
  }
  to.live.push_back({next, from.rule, length, secret});
}

std::int32_t StartScanner::explore(Node node, unsigned char byte) const {
  const Key& from = *state(node).key;
  Key key;
  key.before = Automaton::before(byte);
  for (const Live& live : from.live) step(live, byte, key);
  for (std::uint32_t i = 0; i < rules_.size(); ++i)
    step({rules_[i].automaton->start(from.before), i, 0, 0}, byte, key);

  const bool tells = !key.told.empty();
  const std::lock_guard lock(mutex_);
  const auto row = static_cast<std::int32_t>(intern(std::move(key)));
  const std::int32_t next = row == 0 ? kTooMany : tells ? -row : row;
  next_of(node, classes_[byte]).store(next, std::memory_order_release);
  return next;
}

std::size_t StartScanner::run(Node& node, std::string_view text, std::size_t at) const {
  return advance(node, text, at, plain_step());
}

std::size_t StartScanner::run(Lanes::Each<Node>& nodes, const Lanes& lanes, std::size_t at) const {
  return lanes.advance(nodes, at, plain_step());
}

bool StartScanner::is_fresh(const Key& key) {
  const auto one_byte = [](const auto& start) { return start.length == 1; };
  return std::all_of(key.live.begin(), key.live.end(), one_byte) &&
         std::all_of(key.told.begin(), key.told.end(), one_byte);
}

StartScanner::Node StartScanner::intern(Key key) const {
  const std::size_t number = known_.size() + 1;  // row 0 is nobody's: an entry of 0 says unknown
  const auto known = known_.find(key);
  if (known != known_.end()) return known->second;
  if (number + (is_fresh(key) ? 0 : kReserved) >= kMaxStates) return 0;
  const auto node = static_cast<Node>(number << shift_);
  const Key& kept = known_.emplace(std::move(key), node).first->first;
  auto state = std::make_unique<State>();
  state->key = &kept;
  for (const Live& live : kept.live) {
    const Start start{rules_[live.rule].index, live.length};
    state->untold.push_back(start);
    if (rules_[live.rule].automaton->matches_at_end(live.at)) state->ending.push_back(start);
    state->held = std::max(state->held, live.secret);
  }
  states_[number] = std::move(state);
  return node;
}

}  // namespace veilwire::masking
