#include "userspace/masking/engine.h"

#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"
#include "userspace/masking/engine_parts.h"
#include "userspace/masking/stream_masker.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <tuple>
#include <utility>

namespace veilwire::masking {
namespace {

constexpr std::size_t kDigestHex = 16;
constexpr std::size_t kMaskHex = 4;

// The literals of all rules. What is alike in its edge, in what stands before the literal and in
// where the secret begins is held alike.
Result<void, EngineError> scan_for_literals(EngineParts& engine) {
  std::map<Edge, std::uint32_t> edges;
  std::map<std::tuple<std::uint32_t, std::string, std::uint32_t, std::uint32_t>, std::uint32_t>
      kinds;
  const auto number_in = [](auto& numbers, const auto& key) {
    return numbers.emplace(key, static_cast<std::uint32_t>(numbers.size())).first->second;
  };
  std::vector<LiteralScanner::Entry> entries;
  for (std::uint32_t i = 0; i < engine.rules.size(); ++i) {
    const CompiledExpression& what = engine.rules[i].what;
    for (const Literal& literal : what.literals) {
      Anchor anchor = anchor_of(what, literal);
      anchor.rule = i;
      const Edge edge = edge_of(what, literal);
      anchor.edge = number_in(edges, edge);
      if (anchor.edge == engine.edges.size()) engine.edges.push_back(edge);
      const std::tuple kind(anchor.edge, what.before, what.secret_at.value_or(0),
                            what.secret_at ? 0 : i + 1);
      entries.push_back({literal, static_cast<std::uint32_t>(engine.anchors.size()),
                         what.leads_with_secret, number_in(kinds, kind)});
      engine.anchors.push_back(std::move(anchor));
    }
  }
  entries.push_back({Literal{std::string(kMaskBegin), std::vector<bool>(kMaskBegin.size())},
                     kMaskOwner, false, 0});
  if (!engine.literals.build(entries))
    return Unexpected{EngineError{"", "more literals than 65535 nodes hold"}};
  return {};
}

void scan_for_starts(EngineParts& engine) {
  std::vector<StartScanner::Rule> rules;
  for (std::uint32_t i = 0; i < engine.rules.size(); ++i) {
    const CompiledExpression& what = engine.rules[i].what;
    if (what.literals.empty()) rules.push_back({i, what.automaton.get()});
  }
  if (!rules.empty()) engine.starts.build(std::move(rules));
}

}  // namespace

std::uint64_t Engine::next_serial() {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

Engine::Engine(std::shared_ptr<const EngineParts> of_rules,
               std::shared_ptr<const KnownSecret> secret)
    : parts(std::move(of_rules)), known(std::move(secret)) {
  if (known == nullptr) return;
  known_rule.rule.id = kKnownSecretRule;
  known_rule.rule.category = "secret";
  known_digest = parts->digest(known->reveal());
}

std::string EngineParts::digest(std::string_view secret) const {
  const crypto::Digest mac = crypto::hmac_sha256(site_key_.reveal(), secret);
  return crypto::hex_encode(mac).substr(0, kDigestHex);
}

std::string EngineParts::replacement(const CompiledRule& rule, std::string_view digest) const {
  if (!rule.rule.replacement.empty()) return rule.rule.replacement;
  std::string out(kMaskBegin);
  out += rule.rule.id;
  out += ':';
  out += digest.substr(0, kMaskHex);
  out += ']';
  return out;
}

Result<std::shared_ptr<const Engine>, EngineError> compile(std::span<const RulePack> packs,
                                                           const TreatmentOf& treatment,
                                                           const Secret& site_key) {
  auto engine = std::make_shared<EngineParts>(site_key);
  std::vector<std::string> ids;
  for (const RulePack& pack : packs) {
    for (const Rule& rule : pack.rules) {
      if (std::find(ids.begin(), ids.end(), rule.id) != ids.end()) {
        EngineError twice{rule.id, "stands in two packs"};
        if (!pack.foreign) return Unexpected{std::move(twice)};
        engine->left_out.push_back(std::move(twice));
        continue;
      }
      if (rule.id == kKnownSecretRule)
        return Unexpected{EngineError{rule.id, "is what masks of no rule say; call it otherwise"}};
      ids.push_back(rule.id);
      const Treatment wanted = treatment(rule);
      if (wanted == Treatment::Ignore) continue;
      auto compiled = compile_rule(rule, wanted);
      if (!compiled) {
        if (!pack.foreign) return Unexpected{compiled.error()};
        engine->left_out.push_back(compiled.error());
        continue;
      }
      engine->rules.push_back(std::move(*compiled));
    }
  }

  // The masks of ignored rules are masks too: a policy that ignores a rule today meets texts masked
  // yesterday.
  std::string mask = "\\[MASKED:(?:" + std::string(kKnownSecretRule);
  for (const std::string& id : ids) mask += "|" + id;
  auto compiled = compile_expression(mask + "):[0-9a-f]{4}\\]", 0, 0);
  if (!compiled) return Unexpected{EngineError{"", "masks: " + compiled.error()}};
  engine->mask = std::move(*compiled);

  auto reach = static_cast<std::uint32_t>(kMaskBegin.size());
  for (const CompiledRule& rule : engine->rules) reach = std::max(reach, rule.what.reach);
  // One byte more is the context of a leading assertion; three the rest of a code point.
  engine->look_back = reach + 4;
  if (auto scanned = scan_for_literals(*engine); !scanned) return Unexpected{scanned.error()};
  scan_for_starts(*engine);
  return std::make_shared<const Engine>(std::move(engine));
}

std::shared_ptr<const Engine> knowing(const Engine& engine,
                                      std::shared_ptr<const KnownSecret> secret) {
  return std::make_shared<const Engine>(engine.parts, std::move(secret));
}

std::uint64_t serial(const Engine& engine) { return engine.serial; }

std::span<const EngineError> left_out(const Engine& engine) { return engine.parts->left_out; }

std::string mask_all(const Engine& engine, std::string_view text, std::vector<Finding>* findings) {
  // The engine outlives the call, so that the stream may borrow it.
  StreamMasker masker(std::shared_ptr<const Engine>(std::shared_ptr<void>(), &engine));
  Edits edits;
  masker.feed(text, edits);
  masker.finish(edits);
  std::string out;
  std::size_t at = 0;
  for (Edit& edit : edits.list) {
    if (edit.replaced) {
      out += edit.replacement;
    } else {
      out += text.substr(at, edit.consumed);
    }
    at += edit.consumed;
  }
  if (findings != nullptr) {
    for (Finding& f : edits.findings) {
      f.closes = false;
      if (!f.open) findings->push_back(std::move(f));
    }
  }
  return out;
}

std::vector<Finding> find_all(const Engine& engine, std::string_view text) {
  std::vector<Finding> findings;
  mask_all(engine, text, &findings);
  return findings;
}

}  // namespace veilwire::masking
