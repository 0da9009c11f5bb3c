#include "userspace/masking/engine.h"

#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"
#include "userspace/masking/engine_parts.h"
#include "userspace/masking/stream_masker.h"

#include <algorithm>
#include <atomic>
#include <utility>

namespace veilwire::masking {
namespace {

constexpr std::size_t kDigestHex = 16;
constexpr std::size_t kMaskHex = 4;
// Each group reads every byte of every text.
constexpr std::size_t kMaxScanGroups = 8;

void add_literals(std::vector<LiteralScanner::Entry>& entries, const CompiledExpression& e,
                  std::uint32_t owner, bool hold) {
  for (const Literal& l : e.literals) entries.push_back({l, owner, hold});
}

void add_scanned(ScanGroup& group, std::uint32_t rule, const CompiledExpression& what) {
  const std::size_t shift = 8 * group.rules.size();
  group.rules.push_back(rule);
  for (std::size_t before = 0; before < group.first.size(); ++before) {
    const ByteSet first = what.automaton->first_bytes(static_cast<Automaton::Before>(before));
    for (std::size_t b = 0; b < 256; ++b)
      group.first[before][b] |= std::uint64_t{first[b]} << shift;
  }
  const std::vector<ByteSet> bytes = what.automaton->bytes_by_place(kScanDepth);
  for (std::size_t k = 0; k < kScanDepth; ++k) {
    for (std::size_t b = 0; b < 256; ++b)
      group.bytes[b] |= std::uint64_t{bytes[k][b]} << (shift + k);
  }
  const std::uint64_t last = std::uint64_t{1} << (what.depth - 1);
  group.told |= last << shift;
  group.untold |= (last - 1) << shift;
}

Result<void, EngineError> scan_rules(Engine& engine) {
  for (std::uint32_t i = 0; i < engine.rules.size(); ++i) {
    const CompiledRule& rule = engine.rules[i];
    if (!rule.what.literals.empty()) continue;
    if (engine.scanned.empty() || engine.scanned.back().rules.size() == ScanGroup::kRules) {
      if (engine.scanned.size() == kMaxScanGroups) {
        return Unexpected{EngineError{
            rule.rule.id,
            "the 65th rule that begins with no literal: such rules look at every byte"}};
      }
      engine.scanned.emplace_back();
    }
    add_scanned(engine.scanned.back(), i, rule.what);
  }
  return {};
}

}  // namespace

std::uint64_t Engine::next_serial() {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

std::string Engine::digest(std::string_view secret) const {
  const crypto::Digest mac = crypto::hmac_sha256(site_key_.reveal(), secret);
  return crypto::hex_encode(mac).substr(0, kDigestHex);
}

std::string Engine::replacement(const CompiledRule& rule, std::string_view digest) const {
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
  auto engine = std::make_shared<Engine>(site_key);
  std::vector<std::string> ids;
  for (const RulePack& pack : packs) {
    for (const Rule& rule : pack.rules) {
      if (std::find(ids.begin(), ids.end(), rule.id) != ids.end()) {
        EngineError twice{rule.id, "stands in two packs"};
        if (!pack.foreign) return Unexpected{std::move(twice)};
        engine->left_out.push_back(std::move(twice));
        continue;
      }
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
  std::string mask = "\\[MASKED:(?:";
  for (const std::string& id : ids) mask += id + "|";
  mask.pop_back();
  auto compiled =
      compile_expression(ids.empty() ? "\\[MASKED:\\]" : mask + "):[0-9a-f]{4}\\]", 0, 0);
  if (!compiled) return Unexpected{EngineError{"", "masks: " + compiled.error()}};
  engine->mask = std::move(*compiled);

  std::vector<LiteralScanner::Entry> entries;
  std::uint32_t reach = static_cast<std::uint32_t>(kMaskBegin.size());
  for (std::uint32_t i = 0; i < engine->rules.size(); ++i) {
    const CompiledExpression& what = engine->rules[i].what;
    add_literals(entries, what, i, what.leads_with_secret);
    reach = std::max(reach, what.reach);
  }
  entries.push_back(
      {Literal{std::string(kMaskBegin), std::vector<bool>(kMaskBegin.size())}, kMaskOwner, false});
  if (!engine->literals.build(entries))
    return Unexpected{EngineError{"", "more literals than 65535 nodes hold"}};
  // One byte more is the context of a leading assertion; three the rest of a code point.
  engine->look_back = reach + 4;
  if (auto scanned = scan_rules(*engine); !scanned) return Unexpected{scanned.error()};
  return std::shared_ptr<const Engine>(std::move(engine));
}

std::uint64_t serial(const Engine& engine) { return engine.serial; }

std::span<const EngineError> left_out(const Engine& engine) { return engine.left_out; }

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
