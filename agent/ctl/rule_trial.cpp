#include "agent/ctl/rule_trial.h"

#include "agent/host/log.h"
#include "userspace/base/secret.h"
#include "userspace/masking/stream_masker.h"

#include <algorithm>
#include <span>
#include <utility>

namespace veilwire::ctl {
namespace {

using masking::Engine;
using masking::Finding;

// All two-way cuts of a short example; of a long one as many as keep a pack's trial within seconds.
constexpr std::size_t kTwoWayCuts = 200;

std::vector<std::string_view> pieces_of(std::string_view text, std::size_t size) {
  std::vector<std::string_view> pieces;
  for (std::size_t at = 0; at < text.size(); at += size) pieces.push_back(text.substr(at, size));
  return pieces;
}

std::vector<std::vector<std::string_view>> ways_to_cut(std::string_view text) {
  std::vector<std::vector<std::string_view>> ways = {pieces_of(text, 1), pieces_of(text, 3),
                                                     pieces_of(text, 7)};
  const std::size_t step = std::max<std::size_t>(1, text.size() / kTwoWayCuts);
  for (std::size_t cut = 1; cut < text.size(); cut += step)
    ways.push_back({text.substr(0, cut), text.substr(cut)});
  return ways;
}

std::shared_ptr<const Engine> engine_of(const masking::RulePack& pack, const masking::Rule& rule) {
  const masking::RulePack alone{pack.name, {rule}, pack.foreign};
  const Secret key(std::string(32, 'k'));
  auto engine = masking::compile(
      std::span(&alone, 1), [](const masking::Rule&) { return masking::Treatment::Mask; }, key);
  return engine ? std::move(engine).value() : nullptr;
}

// An example as it can stand in a message.
std::string shown(std::string_view example) {
  constexpr std::size_t kLongest = 72;
  std::string s = host::log::printable(example.substr(0, kLongest));
  return '"' + s + (example.size() > kLongest ? "...\"" : "\"");
}

}  // namespace

std::string mask_pieces(const std::shared_ptr<const Engine>& engine,
                        const std::vector<std::string_view>& pieces) {
  masking::StreamMasker masker(engine);
  masking::Edits edits;
  std::string text;
  for (const std::string_view piece : pieces) {
    text += piece;
    masker.feed(piece, edits);
  }
  masker.finish(edits);
  std::string out;
  std::size_t at = 0;
  for (const masking::Edit& edit : edits.list) {
    const std::string_view covered =
        std::string_view(text).substr(std::min(at, text.size()), edit.consumed);
    out += edit.replaced ? std::string_view(edit.replacement) : covered;
    at += edit.consumed;
  }
  return out + text.substr(std::min(at, text.size()));
}

TrialResult try_rules(const masking::RulePack& pack, const std::shared_ptr<const Engine>& all) {
  TrialResult result;
  for (const masking::Rule& rule : pack.rules) {
    ++result.rules;
    const auto fail = [&](std::string message) {
      result.failures.push_back({rule.id, std::move(message)});
    };
    if (rule.positive.empty()) result.without_examples.push_back(rule.id);
    const auto alone = engine_of(pack, rule);
    if (alone == nullptr) {
      fail("does not compile alone");
      continue;
    }
    const auto compare_cuts = [&](const std::string& example) {
      const std::string whole = masking::mask_all(*all, example);
      for (const auto& pieces : ways_to_cut(example)) {
        ++result.cuts;
        if (mask_pieces(all, pieces) == whole) continue;
        fail("masked differently in pieces, the first of " + std::to_string(pieces.front().size()) +
             " bytes: " + shown(example));
        return;
      }
    };
    for (const std::string& example : rule.positive) {
      ++result.positive;
      if (masking::find_all(*alone, example).empty())
        fail("not found in its positive example " + shown(example));
      else if (masking::mask_all(*all, example) == example)
        fail("found alone, but nothing is masked by all rules together in " + shown(example));
      compare_cuts(example);
    }
    for (const std::string& example : rule.negative) {
      ++result.negative;
      if (!masking::find_all(*alone, example).empty())
        fail("found in its negative example " + shown(example));
      compare_cuts(example);
    }
  }
  return result;
}

}  // namespace veilwire::ctl
