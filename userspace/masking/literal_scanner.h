// One pass over the text for the literals of all rules at once (Aho and Corasick 1975), its state
// carried from piece to piece. It reads bytes without regard to case: a hit only says where to
// look. Tested by tests/unit/masking/literal_scanner_test.cpp.
#pragma once

#include "userspace/masking/shape.h"

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace veilwire::masking {

class LiteralScanner {
 public:
  struct Entry {
    Literal literal;
    std::uint32_t owner = 0;
    bool hold = false;  // its beginnings may already be secret
  };
  struct Hit {
    std::uint32_t owner = 0;
    std::uint32_t length = 0;
  };
  using Node = std::uint16_t;
  static constexpr Node kRoot = 0;

  // False: more literals than the node numbers can tell apart.
  bool build(const std::vector<Entry>& entries);

  // Calls on_hit(end, hit) for each literal that ends in the text, `end` counted from its begin.
  template <class OnHit>
  Node scan(Node node, std::string_view text, OnHit&& on_hit) const {
    const std::size_t stride = stride_;
    const Node* const table = table_.data();
    for (std::size_t i = 0; i < text.size(); ++i) {
      node = table[node * stride + classes_[static_cast<unsigned char>(text[i])]];
      if (node >= first_hit_) {
        for (const Hit& hit : hits_[static_cast<std::size_t>(node - first_hit_)])
          on_hit(i + 1, hit);
      }
    }
    return node;
  }

  // `node` is where the scan of a text has ended. Calls on_beginning(length, owners) for each end
  // of the text that is the beginning of literals to hold, the longest first.
  template <class OnBeginning>
  void beginnings(Node node, OnBeginning&& on_beginning) const {
    for (; tails_[node].any; node = tails_[node].fail) {
      const Tail& tail = tails_[node];
      if (!tail.owners.empty()) on_beginning(std::size_t{tail.depth}, tail.owners);
    }
  }

 private:
  struct Tail {
    Node fail = kRoot;
    std::uint8_t depth = 0;
    bool any = false;                   // owners here or at a shorter end
    std::vector<std::uint32_t> owners;  // of literals to hold that begin so; ascending
  };

  std::array<std::uint8_t, 256> classes_{};
  std::size_t stride_ = 1;
  std::vector<Node> table_;
  std::uint32_t first_hit_ = 0;  // nodes from here on have hits
  std::vector<std::vector<Hit>> hits_;
  std::vector<Tail> tails_;
};

}  // namespace veilwire::masking
