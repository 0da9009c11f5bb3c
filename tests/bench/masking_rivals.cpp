#include "tests/bench/masking_rivals.h"

#include "userspace/masking/compiled_rule.h"
#include "userspace/masking/literal_scanner.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include <re2/re2.h>
#include <re2/set.h>

#ifdef VEILWIRE_HYPERSCAN
#include <hs.h>
#endif

namespace veilwire::bench {
namespace {

// RE2 alone reads a few megabytes a second with so many rules: a part of the text is enough.
constexpr std::size_t kSlowPart = 128 * 1024;
// With less RE2::Set runs out of states and becomes a thousand times slower without saying so.
constexpr std::int64_t kSetMemory = std::int64_t{1} << 30;
constexpr std::size_t kPiece = 16;

std::vector<std::string> expressions(const Packs& packs) {
  std::vector<std::string> out;
  for (const masking::RulePack& pack : packs.packs)
    for (const masking::Rule& rule : pack.rules)
      out.push_back(rule.begin.empty() ? rule.regex : rule.begin);
  return out;
}

re2::RE2::Options options(std::int64_t memory) {
  re2::RE2::Options o;
  o.set_encoding(re2::RE2::Options::EncodingLatin1);
  o.set_log_errors(false);
  o.set_max_mem(memory);
  return o;
}

std::size_t matches(const re2::RE2& re, std::string_view text) {
  std::size_t n = 0;
  re2::StringPiece found;
  const re2::StringPiece all(text.data(), text.size());
  for (std::size_t at = 0; re.Match(all, at, text.size(), re2::RE2::UNANCHORED, &found, 1); ++n)
    at = static_cast<std::size_t>(found.data() - text.data()) +
         std::max<std::size_t>(found.size(), 1);
  return n;
}

void done(benchmark::State& state, std::size_t bytes, std::size_t rules, std::size_t found) {
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes) *
                          static_cast<std::int64_t>(state.iterations()));
  state.counters["rules"] = static_cast<double>(rules);
  state.counters["matches"] = static_cast<double>(found);
}

void re2_each(benchmark::State& state, const Packs& packs, const std::string& text) {
  std::vector<std::unique_ptr<re2::RE2>> all;
  for (const std::string& e : expressions(packs))
    all.push_back(std::make_unique<re2::RE2>(e, options(8 << 20)));
  const std::string_view part = std::string_view(text).substr(0, kSlowPart);
  std::size_t found = 0;
  for (auto _ : state) {
    found = 0;
    for (const auto& re : all) found += matches(*re, part);
  }
  done(state, part.size(), all.size(), found);
}

// Each rule is run over a block of text that holds one of its literals, as one without any is over
// all of them.
void re2_behind_literals(benchmark::State& state, const Packs& packs, const std::string& text) {
  constexpr std::size_t kBlock = 4096;
  std::vector<std::unique_ptr<re2::RE2>> all;
  std::vector<masking::LiteralScanner::Entry> entries;
  std::vector<bool> always;
  for (const std::string& e : expressions(packs)) {
    const auto owner = static_cast<std::uint32_t>(all.size());
    const auto compiled = masking::compile_expression(e, 0, 4096);
    always.push_back(!compiled || compiled->literals.empty());
    if (compiled)
      for (const masking::Literal& l : compiled->literals) entries.push_back({l, owner, false, 0});
    all.push_back(std::make_unique<re2::RE2>(e, options(8 << 20)));
  }
  masking::LiteralScanner literals;
  if (!literals.build(entries)) return state.SkipWithError("too many literals");
  const std::string_view part = std::string_view(text).substr(0, kSlowPart);
  std::size_t found = 0;
  std::vector<bool> wanted;
  for (auto _ : state) {
    found = 0;
    for (std::size_t at = 0; at < part.size(); at += kBlock) {
      const std::string_view block = part.substr(at, kBlock);
      wanted = always;
      (void)literals.scan(
          masking::LiteralScanner::kRoot, block,
          [&](std::size_t, const masking::LiteralScanner::Hit& hit) { wanted[hit.owner] = true; });
      for (std::size_t i = 0; i < all.size(); ++i)
        if (wanted[i]) found += matches(*all[i], block);
    }
  }
  done(state, part.size(), all.size(), found);
}

void re2_set(benchmark::State& state, const Packs& packs, const std::string& text) {
  re2::RE2::Set set(options(kSetMemory), re2::RE2::UNANCHORED);
  std::size_t rules = 0;
  for (const std::string& e : expressions(packs)) rules += set.Add(e, nullptr) >= 0 ? 1U : 0U;
  if (!set.Compile()) return state.SkipWithError("RE2::Set has too little memory");
  std::vector<int> which;
  for (auto _ : state) {
    re2::RE2::Set::ErrorInfo error{};
    if (!set.Match(re2::StringPiece(text), &which, &error) && error.kind != re2::RE2::Set::kNoError)
      return state.SkipWithError("RE2::Set has run out of memory");
  }
  done(state, text.size(), rules, which.size());
}

#ifdef VEILWIRE_HYPERSCAN

struct Hyperscan {
  hs_database_t* database = nullptr;
  hs_scratch_t* scratch = nullptr;
  std::size_t rules = 0;

  Hyperscan(const Packs& packs, unsigned mode) {
    std::vector<std::string> taken;
    for (const std::string& e : expressions(packs)) {
      hs_database_t* alone = nullptr;
      hs_compile_error_t* error = nullptr;
      if (hs_compile(e.c_str(), 0, mode, nullptr, &alone, &error) == HS_SUCCESS)
        taken.push_back(e);
      else
        hs_free_compile_error(error);
      hs_free_database(alone);
    }
    std::vector<const char*> list;
    std::vector<unsigned> flags(taken.size()), ids(taken.size());
    for (const std::string& e : taken) {
      ids[list.size()] = static_cast<unsigned>(list.size());
      list.push_back(e.c_str());
    }
    rules = list.size();
    hs_compile_error_t* error = nullptr;
    if (hs_compile_multi(list.data(), flags.data(), ids.data(), static_cast<unsigned>(rules), mode,
                         nullptr, &database, &error) != HS_SUCCESS) {
      hs_free_compile_error(error);
      return;
    }
    if (hs_alloc_scratch(database, &scratch) != HS_SUCCESS) scratch = nullptr;
  }
  Hyperscan(const Hyperscan&) = delete;
  Hyperscan& operator=(const Hyperscan&) = delete;
  ~Hyperscan() {
    hs_free_scratch(scratch);
    hs_free_database(database);
  }
};

// Compiling takes minutes with hundreds of rules, and a benchmark is called several times.
const Hyperscan& hyperscan(const Packs& packs, unsigned mode) {
  static std::map<std::pair<std::string, unsigned>, std::unique_ptr<Hyperscan>> known;
  auto& one = known[{packs.name, mode}];
  if (one == nullptr) one = std::make_unique<Hyperscan>(packs, mode);
  return *one;
}

int count(unsigned, unsigned long long, unsigned long long, unsigned, void* found) {
  ++*static_cast<std::size_t*>(found);
  return 0;
}

void hyperscan_block(benchmark::State& state, const Packs& packs, const std::string& text) {
  const Hyperscan& hs = hyperscan(packs, HS_MODE_BLOCK);
  if (hs.scratch == nullptr) return state.SkipWithError("Hyperscan compiles none of it");
  std::size_t found = 0;
  for (auto _ : state) {
    found = 0;
    hs_scan(hs.database, text.data(), static_cast<unsigned>(text.size()), 0, hs.scratch, count,
            &found);
  }
  done(state, text.size(), hs.rules, found);
}

void hyperscan_stream(benchmark::State& state, const Packs& packs, const std::string& text) {
  const Hyperscan& hs = hyperscan(packs, HS_MODE_STREAM);
  if (hs.scratch == nullptr) return state.SkipWithError("Hyperscan compiles none of it");
  const auto all = pieces(text, kPiece);
  std::size_t found = 0;
  for (auto _ : state) {
    found = 0;
    hs_stream_t* stream = nullptr;
    hs_open_stream(hs.database, 0, &stream);
    for (const std::string_view piece : all)
      hs_scan_stream(stream, piece.data(), static_cast<unsigned>(piece.size()), 0, hs.scratch,
                     count, &found);
    hs_close_stream(stream, hs.scratch, count, &found);
  }
  done(state, text.size(), hs.rules, found);
  state.counters["a_piece"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(all.size()),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

#else

void hyperscan_block(benchmark::State& state, const Packs&, const std::string&) {
  state.SkipWithError("SKIPPED: libhyperscan-dev is not installed");
}
void hyperscan_stream(benchmark::State& state, const Packs& p, const std::string& text) {
  hyperscan_block(state, p, text);
}

#endif

}  // namespace

const std::vector<Rival>& rivals() {
  static const std::vector<Rival> kAll = {{"re2_each", re2_each},
                                          {"re2_behind_literals", re2_behind_literals},
                                          {"re2_set", re2_set},
                                          {"hyperscan_block", hyperscan_block},
                                          {"hyperscan_stream16", hyperscan_stream}};
  return kAll;
}

}  // namespace veilwire::bench
