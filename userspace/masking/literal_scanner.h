// One pass over the text for the literals of all rules at once (Aho and Corasick 1975), its state
// carried from piece to piece. It reads bytes without regard to case: a hit only says where to
// look. Tested by tests/unit/masking/literal_scanner_test.cpp.
#pragma once

#include "userspace/masking/lanes.h"
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
    bool hold = false;       // its beginnings may already be secret
    std::uint32_t kind = 0;  // of entries alike in it, one is told of each beginning
  };
  struct Hit {
    std::uint32_t owner = 0;
    std::uint32_t length = 0;
  };
  using Node = std::uint16_t;
  static constexpr Node kRoot = 0;

  // False: more literals than the node numbers can tell apart.
  bool build(const std::vector<Entry>& entries);

  // Calls on_hit(end, hit) for each literal that ends in the text, `end` counted from its begin. Of
  // a long text the hits come in no order.
  template <class OnHit>
  Node scan(Node node, std::string_view text, OnHit&& on_hit) const {
    const Lanes lanes(text, longest_);
    if (lanes.size() != 0) {
      Lanes::Each<Node> nodes{node};
      for (std::size_t lane = 1; lane < nodes.size(); ++lane) {
        for (const char c : lanes.run_up(lane)) nodes[lane] = next(nodes[lane], c);
      }
      for (std::size_t at = 0; (at = run(nodes, lanes, at)) < lanes.size(); ++at) {
        for (std::size_t lane = 0; lane < nodes.size(); ++lane) {
          const std::size_t i = lanes.begin(lane) + at;
          nodes[lane] = step(nodes[lane], text[i], i + 1, on_hit);
        }
      }
      node = nodes.back();
    }
    for (std::size_t at = lanes.end(); (at = run(node, text, at)) < text.size(); ++at)
      node = step(node, text[at], at + 1, on_hit);
    return node;
  }

  // `node` is where the scan of a text has ended. Calls on_beginning(length, owners) for each end
  // of the text that is the beginning of literals to hold, the longest first,
  // until it answers false.
  template <class OnBeginning>
  void beginnings(Node node, OnBeginning&& on_beginning) const {
    for (; tails_[node].any; node = tails_[node].fail) {
      const Tail& tail = tails_[node];
      if (!tail.owners.empty() && !on_beginning(std::size_t{tail.depth}, tail.owners)) return;
    }
  }

  // One byte on, as scan() does it.
  template <class OnHit>
  Node step(Node node, char c, std::size_t end, OnHit& on_hit) const {
    node = next(node, c);
    if (node < first_hit_) return node;
    for (const Hit& hit : hits_[static_cast<std::size_t>(node - first_hit_)]) on_hit(end, hit);
    return node;
  }
  // The same where nothing is hit: (node, byte, next) gives false where something is.
  auto plain_step() const {
    return [table = table_.data(), classes = classes_.data(), shift = shift_,
            first_hit = first_hit_](Node node, unsigned char byte, Node& next) {
      next = table[(std::size_t{node} << shift) + classes[byte]];
      return next < first_hit;
    };
  }

 private:
  Node next(Node node, char c) const {
    return table_[(std::size_t{node} << shift_) + classes_[static_cast<unsigned char>(c)]];
  }
  // Reads on from `at`; stops before a byte at which something is hit, or at the end. Returns
  // where.
  std::size_t run(Node& node, std::string_view text, std::size_t at) const;
  std::size_t run(Lanes::Each<Node>& nodes, const Lanes& lanes, std::size_t at) const;

  struct Tail {
    Node fail = kRoot;
    std::uint8_t depth = 0;
    bool any = false;                   // owners here or at a shorter end
    std::vector<std::uint32_t> owners;  // of literals to hold that begin so
  };

  std::array<std::uint8_t, 256> classes_{};
  unsigned shift_ = 0;       // a row of the table is so wide
  std::size_t longest_ = 0;  // literal
  std::vector<Node> table_;
  std::uint32_t first_hit_ = 0;  // nodes from here on have hits
  std::vector<std::vector<Hit>> hits_;
  std::vector<Tail> tails_;
};

}  // namespace veilwire::masking
