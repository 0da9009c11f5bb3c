// A long text is read in several places at once: a processor waits for each look-up in a table of
// states, and can wait for several together. That needs a reader whose state depends on no more
// than the last few bytes, so that it can begin anywhere with a run-up of these. Tested by
// tests/unit/masking/literal_scanner_test.cpp and start_scanner_test.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace veilwire::masking {

// Steps the state from byte `at` on, to the end of the text or until `step(state, byte, next)` says
// no: that byte has not been read. Returns how far it has come.
template <class State, class Step>
std::size_t advance(State& state, std::string_view text, std::size_t at, Step step) {
  State here = state;
  for (State next{}; at < text.size(); ++at, here = next) {
    if (!step(here, static_cast<unsigned char>(text[at]), next)) break;
  }
  state = here;
  return at;
}

class Lanes {
 public:
  static constexpr std::size_t kCount = 4;
  template <class T>
  using Each = std::array<T, kCount>;

  // memory: bytes that a state depends on.
  Lanes(std::string_view text, std::size_t memory)
      : text_(text),
        memory_(memory),
        size_(text.size() >= kCount * (kWorthIt + memory) ? text.size() / kCount : 0) {}

  std::size_t size() const { return size_; }  // bytes of each lane; 0: the text is short
  std::size_t begin(std::size_t lane) const { return lane * size_; }
  std::size_t end() const { return kCount * size_; }  // of the last; what follows is left over
  // What a lane but the first reads before it begins.
  std::string_view run_up(std::size_t lane) const {
    return text_.substr(begin(lane) - memory_, memory_);
  }

  // The same for all lanes, from byte `at` of each on: a byte at which one says no has been read by
  // none.
  template <class State, class Step>
  std::size_t advance(Each<State>& states, std::size_t at, Step step) const {
    const auto* const text = reinterpret_cast<const unsigned char*>(text_.data());
    const unsigned char* const t1 = text + size_;
    const unsigned char* const t2 = t1 + size_;
    const unsigned char* const t3 = t2 + size_;
    auto [a, b, c, d] = states;
    const std::size_t end = size_;
    for (; at < end; ++at) {
      State na, nb, nc, nd;
      const bool all = static_cast<unsigned>(step(a, text[at], na)) &
                       static_cast<unsigned>(step(b, t1[at], nb)) &
                       static_cast<unsigned>(step(c, t2[at], nc)) &
                       static_cast<unsigned>(step(d, t3[at], nd));
      if (!all) break;
      a = na, b = nb, c = nc, d = nd;
    }
    states = {a, b, c, d};
    return at;
  }

 private:
  static constexpr std::size_t kWorthIt = 64;

  std::string_view text_;
  std::size_t memory_, size_;
};

}  // namespace veilwire::masking
