// What masking costs and what it holds back, on source code and prose with the shipped rules. Each
// figure stands in the benchmark's own columns: ns a delta, bytes a second, held bytes (mean, 99th
// percentile).
#include "userspace/masking/encoded_text.h"
#include "userspace/masking/engine.h"
#include "userspace/masking/stream_masker.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

namespace veilwire {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// This project's own sources, and the licence as prose.
const std::string& corpus() {
  static const std::string text = [] {
    std::vector<std::filesystem::path> files;
    for (const char* folder : {"userspace", "agent"}) {
      for (const auto& entry : std::filesystem::recursive_directory_iterator(
               std::filesystem::path(VEILWIRE_SOURCE_DIR) / folder)) {
        if (entry.is_regular_file()) files.push_back(entry.path());
      }
    }
    std::sort(files.begin(), files.end());
    std::string all;
    for (const auto& file : files) all += read(file);
    return all + read(std::filesystem::path(VEILWIRE_SOURCE_DIR) / "LICENSE");
  }();
  return text;
}

std::shared_ptr<const masking::Engine> engine(const std::vector<std::string>& packs) {
  std::vector<masking::RulePack> parsed;
  for (const std::string& name : packs) {
    auto pack = masking::parse_rule_pack(
        read(std::filesystem::path(VEILWIRE_SOURCE_DIR) / "policies/rules" / name), name);
    if (!pack) std::abort();
    parsed.push_back(std::move(*pack));
  }
  auto made = masking::compile(
      parsed, [](const masking::Rule&) { return masking::Treatment::Mask; },
      Secret(std::string("key")));
  if (!made) std::abort();
  return *made;
}

std::shared_ptr<const masking::Engine> secrets() { return engine({"default.toml"}); }
std::shared_ptr<const masking::Engine> everything() {
  return engine({"default.toml", "personal.toml"});
}

std::vector<std::string_view> deltas(std::string_view text, std::size_t longest) {
  std::mt19937 random(1);
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = longest == 1 ? 1 : 1 + random() % longest;
    out.push_back(text.substr(at, size));
    at += out.back().size();
  }
  return out;
}

void stream(benchmark::State& state, const std::shared_ptr<const masking::Engine>& rules) {
  const std::string_view text = std::string_view(corpus()).substr(0, 1 << 20);
  const auto pieces = deltas(text, static_cast<std::size_t>(state.range(0)));
  std::vector<std::uint64_t> held;
  held.reserve(pieces.size());
  masking::Edits edits;
  std::size_t findings = 0;
  for (auto _ : state) {
    held.clear();
    findings = 0;
    masking::StreamMasker masker(rules);
    for (std::string_view piece : pieces) {
      masker.feed(piece, edits);
      held.push_back(masker.held());
      findings += edits.findings.size();
      edits.clear();
    }
    masker.finish(edits);
    edits.clear();
  }
  const auto runs = static_cast<double>(state.iterations());
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) *
                          static_cast<std::int64_t>(state.iterations()));
  state.counters["delta"] =
      benchmark::Counter(runs * static_cast<double>(pieces.size()),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  double sum = 0;
  for (std::uint64_t h : held) sum += static_cast<double>(h);
  std::sort(held.begin(), held.end());
  state.counters["held_mean"] = sum / static_cast<double>(held.size());
  state.counters["held_p50"] = static_cast<double>(held[held.size() / 2]);
  state.counters["held_p99"] = static_cast<double>(held[held.size() * 99 / 100]);
  state.counters["held_max"] = static_cast<double>(held.back());
  state.counters["findings"] = static_cast<double>(findings);
}

void BM_StreamSecrets(benchmark::State& state) { stream(state, secrets()); }
void BM_StreamSecretsAndPersonal(benchmark::State& state) { stream(state, everything()); }
BENCHMARK(BM_StreamSecrets)->Arg(1)->Arg(20)->Arg(1000)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_StreamSecretsAndPersonal)->Arg(20)->Unit(benchmark::kMillisecond);

void body(benchmark::State& state, const std::shared_ptr<const masking::Engine>& rules) {
  for (auto _ : state) benchmark::DoNotOptimize(masking::find_all(*rules, corpus()));
  state.SetBytesProcessed(static_cast<std::int64_t>(corpus().size()) *
                          static_cast<std::int64_t>(state.iterations()));
}
void BM_BodySecrets(benchmark::State& state) { body(state, secrets()); }
void BM_BodySecretsAndPersonal(benchmark::State& state) { body(state, everything()); }
BENCHMARK(BM_BodySecrets)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_BodySecretsAndPersonal)->Unit(benchmark::kMillisecond);

void BM_JsonString(benchmark::State& state) {
  const auto rules = secrets();
  const auto pieces = deltas(std::string_view(corpus()).substr(0, 1 << 20), 20);
  masking::EncodedOutput out;
  for (auto _ : state) {
    masking::EncodedTextMasker masker(rules, masking::Encoding::JsonString);
    for (std::string_view piece : pieces) {
      masker.feed(piece, out);
      out.clear();
    }
    masker.finish(out);
    out.clear();
  }
  state.counters["delta"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * static_cast<double>(pieces.size()),
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_JsonString)->Unit(benchmark::kMillisecond);

void BM_Compile(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(everything());
}
BENCHMARK(BM_Compile)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace veilwire

BENCHMARK_MAIN();
