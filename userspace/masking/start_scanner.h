// One pass over the text for the beginnings of all matches that no literal announces, its state
// carried from piece to piece. A state says which matches may have begun within the last kDepth
// bytes, how far each automaton has come with them, and how much of the end of the text may be
// secret; it is worked out when a text first gets there and kept for all streams of all threads.
// What has come through kDepth bytes, or to a match, is told once and left to others. Tested by
// tests/unit/masking/start_scanner_test.cpp.
#pragma once

#include "userspace/masking/automaton.h"
#include "userspace/masking/lanes.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

namespace veilwire::masking {

class StartScanner {
 public:
  static constexpr std::uint8_t kDepth = 32;  // bytes
  static constexpr std::size_t kMaxStates = 1 << 15;

  struct Rule {
    std::uint32_t index = 0;
    const Automaton* automaton = nullptr;  // outlives the scanner
  };
  // A match of the rule may begin so many bytes before the end of what was read.
  struct Start {
    std::uint32_t rule = 0;
    std::uint8_t length = 0;
    friend auto operator<=>(const Start&, const Start&) = default;  // NOLINT(modernize-use-nullptr)
  };
  using Node = std::uint32_t;

  // Once, before all else. kMaxStates bounds what texts can make of it: beyond, starts are told
  // early.
  void build(std::vector<Rule> rules);
  bool empty() const { return rules_.empty(); }
  bool full() const;  // of states

  // Nothing has been read, behind a byte of this kind.
  Node begin(Automaton::Before before) const { return begins_[static_cast<std::size_t>(before)]; }

  // Calls on_start(end, start) for each start that is told, `end` counted from the text's begin. Of
  // a long text they come in no order, and some of them twice.
  template <class OnStart>
  Node scan(Node node, std::string_view text, OnStart&& on_start) const {
    const Lanes lanes(text, kDepth + 1);
    if (lanes.size() != 0) {
      Lanes::Each<Node> nodes{node};
      for (std::size_t lane = 1; lane < nodes.size(); ++lane) {
        const std::string_view run_up = lanes.run_up(lane);
        nodes[lane] = begin(Automaton::before(static_cast<unsigned char>(run_up[0])));
        for (std::size_t i = 1; i < run_up.size(); ++i) {
          nodes[lane] =
              step(nodes[lane], run_up[i], lanes.begin(lane) - run_up.size() + i + 1, on_start);
        }
      }
      for (std::size_t at = 0; (at = run(nodes, lanes, at)) < lanes.size(); ++at) {
        for (std::size_t lane = 0; lane < nodes.size(); ++lane) {
          const std::size_t i = lanes.begin(lane) + at;
          nodes[lane] = step(nodes[lane], text[i], i + 1, on_start);
        }
      }
      node = nodes.back();
    }
    for (std::size_t at = lanes.end(); (at = run(node, text, at)) < text.size(); ++at)
      node = step(node, text[at], at + 1, on_start);
    return node;
  }

  // One byte on, as scan() does it.
  template <class OnStart>
  Node step(Node node, char c, std::size_t end, OnStart& on_start) const {
    const auto byte = static_cast<unsigned char>(c);
    std::int32_t next = next_of(node, classes_[byte]).load(std::memory_order_acquire);
    if (next > 0) [[likely]]
      return static_cast<Node>(next);
    if (next == kUnknown) next = explore(node, byte);
    if (next == kTooMany) {
      for (const Start& start : state(node).untold) on_start(end - 1, start);
      return step(begin(state(node).key->before), c, end, on_start);
    }
    node = static_cast<Node>(next < 0 ? -next : next);
    for (const Start& start : state(node).key->told) on_start(end, start);
    return node;
  }
  // The same where nothing is told and all is worked out: (node, byte, next) gives false elsewhere.
  auto plain_step() const {
    return [table = table_.get(), classes = classes_.data()](Node node, unsigned char byte,
                                                             Node& next) {
      const std::int32_t entry =
          std::atomic_ref(table[node + classes[byte]]).load(std::memory_order_acquire);
      next = static_cast<Node>(entry);
      return entry > 0;
    };
  }

  // Of the matches that may have begun and are not told yet: how much of the end of the text may be
  // secret, and where they begin. 0, and empty, for most texts.
  std::size_t held(Node node) const { return state(node).held; }
  const std::vector<Start>& untold(Node node) const { return state(node).untold; }
  // Those that are matches if the text ends here.
  const std::vector<Start>& ending(Node node) const { return state(node).ending; }

 private:
  struct Live {
    const Automaton::State* at = nullptr;
    std::uint32_t rule = 0;   // index into rules_
    std::uint8_t length = 0;  // bytes read
    std::uint8_t secret = 0;  // of these, from where its secret could begin; 0: not yet
    friend auto operator<=>(const Live&, const Live&) = default;  // NOLINT(modernize-use-nullptr)
  };
  struct Key {
    Automaton::Before before = Automaton::Before::Text;
    std::vector<Live> live;
    std::vector<Start> told;                                    // on the way here
    friend auto operator<=>(const Key&, const Key&) = default;  // NOLINT(modernize-use-nullptr)
  };
  struct State {
    const Key* key = nullptr;
    std::vector<Start> untold, ending;  // of what lives
    std::uint8_t held = 0;
  };
  static constexpr std::int32_t kUnknown = 0;  // not worked out yet
  // There is no room for the state that follows: all that lives is told, and forgotten.
  static constexpr std::int32_t kTooMany = INT32_MIN;

  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };

  std::atomic_ref<std::int32_t> next_of(Node node, std::uint8_t byte_class) const {
    return std::atomic_ref(table_.get()[node + byte_class]);
  }
  const State& state(Node node) const { return *states_[node >> shift_]; }

  std::int32_t explore(Node node, unsigned char byte) const;
  // Reads on from `at`; stops before a byte at which something is told or has to be worked out, or
  // at the end. Returns where.
  std::size_t run(Node& node, std::string_view text, std::size_t at) const;
  std::size_t run(Lanes::Each<Node>& nodes, const Lanes& lanes, std::size_t at) const;
  static bool is_fresh(const Key& key);  // nothing has begun before the last byte
  Node intern(Key key) const;            // 0: there is no room
  void step(const Live& from, unsigned char byte, Key& to) const;

  std::vector<Rule> rules_;
  std::array<std::uint8_t, 256> classes_{};
  unsigned shift_ = 0;
  std::array<Node, 4> begins_{};

  // A row of each state: by byte class the row that follows, negative where something is told on
  // the way. Rows are only ever added, under the mutex; a reader
  // meets one through an entry that was written behind it.
  std::unique_ptr<std::int32_t[], Free> table_;
  std::unique_ptr<std::unique_ptr<const State>[]> states_;
  mutable std::mutex mutex_;
  mutable std::map<Key, Node> known_;
};

}  // namespace veilwire::masking
