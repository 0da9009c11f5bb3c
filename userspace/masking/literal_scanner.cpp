#include "userspace/masking/literal_scanner.h"

#include <algorithm>
#include <bit>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

namespace veilwire::masking {
namespace {

unsigned char lower(unsigned char b) {
  return b >= 'A' && b <= 'Z' ? static_cast<unsigned char>(b | 0x20U) : b;
}

// So that what texts are made of stands together in a row of the table.
constexpr std::string_view kFrequent = " etaoinsrlhdcumpfg_yb.w,v\n";

struct Trie {
  struct Node {
    std::map<unsigned char, std::uint32_t> next;
    std::uint32_t fail = 0;
    std::uint32_t depth = 0;
    std::vector<LiteralScanner::Hit> hits;
    std::vector<std::size_t> passing;  // entries to hold
  };
  std::vector<Node> nodes = std::vector<Node>(1);

  void add(const LiteralScanner::Entry& entry, std::size_t index) {
    std::uint32_t at = 0;
    for (char c : entry.literal.bytes) {
      const unsigned char b = lower(static_cast<unsigned char>(c));
      auto it = nodes[at].next.find(b);
      if (it == nodes[at].next.end()) {
        const auto fresh = static_cast<std::uint32_t>(nodes.size());
        const std::uint32_t depth = nodes[at].depth + 1;
        nodes[at].next.emplace(b, fresh);
        nodes.emplace_back().depth = depth;
        at = fresh;
      } else {
        at = it->second;
      }
      // The whole literal is no beginning: it has become a candidate.
      if (entry.hold && nodes[at].depth < entry.literal.bytes.size()) {
        nodes[at].passing.push_back(index);
      }
    }
    nodes[at].hits.push_back({entry.owner, static_cast<std::uint32_t>(entry.literal.bytes.size())});
  }

  // Breadth first: a node's failure is shallower than itself. Returns that order.
  std::vector<std::uint32_t> link() {
    std::vector<std::uint32_t> order{0};
    for (std::size_t i = 0; i < order.size(); ++i) {
      for (const auto& [byte, child] : nodes[order[i]].next) {
        std::uint32_t f = nodes[order[i]].fail;
        while (order[i] != 0 && f != 0 && !nodes[f].next.contains(byte)) f = nodes[f].fail;
        const auto it = nodes[f].next.find(byte);
        nodes[child].fail = order[i] == 0 || it == nodes[f].next.end() ? 0 : it->second;
        const auto& inherited = nodes[nodes[child].fail].hits;
        nodes[child].hits.insert(nodes[child].hits.end(), inherited.begin(), inherited.end());
        order.push_back(child);
      }
    }
    return order;
  }
};

// Owners of the literals to hold that begin so, one of each kind and spelling.
std::vector<std::uint32_t> distinct_owners(const std::vector<LiteralScanner::Entry>& entries,
                                           const Trie::Node& node) {
  std::vector<std::uint32_t> out;
  std::set<std::tuple<std::uint32_t, std::string, std::vector<bool>>> known;
  for (const std::size_t index : node.passing) {
    const LiteralScanner::Entry& e = entries[index];
    const auto& folds = e.literal.folds;
    const auto depth = static_cast<std::ptrdiff_t>(node.depth);
    if (known
            .emplace(e.kind, e.literal.bytes.substr(0, node.depth),
                     std::vector<bool>(folds.begin(), folds.begin() + depth))
            .second)
      out.push_back(e.owner);
  }
  return out;
}

}  // namespace

bool LiteralScanner::build(const std::vector<Entry>& entries) {
  Trie trie;
  for (std::size_t i = 0; i < entries.size(); ++i) trie.add(entries[i], i);
  if (trie.nodes.size() > UINT16_MAX) return false;
  const std::vector<std::uint32_t> order = trie.link();

  // Nodes with hits get the highest numbers, so that one comparison tells them.
  std::vector<std::uint32_t> sorted(order);
  std::stable_partition(sorted.begin(), sorted.end(),
                        [&](std::uint32_t n) { return trie.nodes[n].hits.empty(); });
  std::vector<Node> number(sorted.size());
  for (std::size_t i = 0; i < sorted.size(); ++i) number[sorted[i]] = static_cast<Node>(i);

  // Byte classes: each letter of the literals, and one for all else.
  std::array<bool, 256> used{};
  for (const Entry& e : entries) {
    longest_ = std::max(longest_, e.literal.bytes.size());
    for (char c : e.literal.bytes) used[lower(static_cast<unsigned char>(c))] = true;
  }
  std::uint8_t classes = 1;
  const auto number_class = [&](unsigned char b) {
    if (std::exchange(used[b], false)) classes_[b] = classes++;
  };
  for (const char c : kFrequent) number_class(static_cast<unsigned char>(c));
  for (unsigned b = 0; b < 256; ++b) number_class(static_cast<unsigned char>(b));
  for (unsigned b = 'A'; b <= 'Z'; ++b) classes_[b] = classes_[b | 0x20U];
  shift_ = static_cast<unsigned>(std::countr_zero(std::bit_ceil(unsigned{classes})));

  const std::size_t stride = std::size_t{1} << shift_;
  table_.assign(sorted.size() << shift_, kRoot);
  tails_.assign(sorted.size(), Tail{});
  hits_.clear();
  first_hit_ = static_cast<std::uint32_t>(sorted.size());
  for (std::uint32_t n : order) {
    const Trie::Node& node = trie.nodes[n];
    Node* row = &table_[std::size_t{number[n]} << shift_];
    const Node* fail = &table_[std::size_t{number[node.fail]} << shift_];
    if (n != 0) std::copy(fail, fail + stride, row);
    for (const auto& [byte, child] : node.next) row[classes_[byte]] = number[child];

    Tail& tail = tails_[number[n]];
    tail.fail = number[node.fail];
    tail.depth = static_cast<std::uint8_t>(node.depth);
    tail.owners = distinct_owners(entries, node);
    tail.any = !tail.owners.empty() || (n != 0 && tails_[tail.fail].any);
  }
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (trie.nodes[sorted[i]].hits.empty()) continue;
    first_hit_ = std::min(first_hit_, static_cast<std::uint32_t>(i));
    hits_.push_back(trie.nodes[sorted[i]].hits);
  }
  return true;
}

std::size_t LiteralScanner::run(Node& node, std::string_view text, std::size_t at) const {
  return advance(node, text, at, plain_step());
}

std::size_t LiteralScanner::run(Lanes::Each<Node>& nodes, const Lanes& lanes,
                                std::size_t at) const {
  return lanes.advance(nodes, at, plain_step());
}

}  // namespace veilwire::masking
