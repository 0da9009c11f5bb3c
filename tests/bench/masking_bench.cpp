// What masking costs and what it holds back, beside other ways to search for the same expressions
// (masking_rivals.cpp), all in one run. Names read WHAT/PACKS/TEXT/BYTES A PIECE; each figure
// stands in the benchmark's own columns.
#include "tests/bench/masking_corpus.h"
#include "tests/bench/masking_rivals.h"
#include "userspace/masking/encoded_text.h"
#include "userspace/masking/text_masker.h"

#include <algorithm>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <malloc.h>

namespace veilwire::bench {
namespace {

using benchmark::Counter;

std::size_t heap() {
  const struct mallinfo2 now = mallinfo2();
  return now.uordblks + now.hblkhd;
}

void rate(benchmark::State& state, std::size_t bytes) {
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes) *
                          static_cast<std::int64_t>(state.iterations()));
}

void a_piece(benchmark::State& state, std::size_t pieces) {
  state.counters["a_piece"] =
      Counter(static_cast<double>(state.iterations()) * static_cast<double>(pieces),
              Counter::kIsRate | Counter::kInvert);
}

void body(benchmark::State& state, const Packs& packs, const std::string& text) {
  const auto engine = compile(packs);
  if (engine == nullptr) return state.SkipWithError("no engine");
  std::size_t findings = 0;
  masking::Edits edits;
  for (auto _ : state) {
    masking::TextMasker masker(engine);
    masker.feed(text, edits);
    masker.finish(edits);
    findings = edits.findings.size();
    edits.clear();
  }
  rate(state, text.size());
  state.counters["findings"] = static_cast<double>(findings);
}

// How long bytes wait: how many pieces come after the one that brought a byte until it is released.
void waits(benchmark::State& state, const std::vector<std::string_view>& all,
           const std::vector<std::uint64_t>& held) {
  std::vector<std::size_t> bytes_by_wait;
  std::size_t arrived = 0, released = 0, from = 0, from_end = all[0].size();
  double sum = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    arrived += all[i].size();
    for (const std::size_t to = arrived - held[i]; released < to;) {
      while (released == from_end) from_end += all[++from].size();
      const std::size_t some = std::min(to, from_end) - released, wait = i - from;
      if (bytes_by_wait.size() <= wait) bytes_by_wait.resize(wait + 1);
      bytes_by_wait[wait] += some;
      sum += static_cast<double>(some) * static_cast<double>(wait);
      released += some;
    }
  }
  std::size_t p99 = 0;
  for (std::size_t sooner = bytes_by_wait[0]; sooner * 100 < released * 99;)
    sooner += bytes_by_wait[++p99];
  state.counters["wait_mean"] = sum / static_cast<double>(released);
  state.counters["wait_p99"] = static_cast<double>(p99);
}

void stream(benchmark::State& state, const Packs& packs, const std::string& text,
            std::size_t size) {
  const auto engine = compile(packs);
  if (engine == nullptr) return state.SkipWithError("no engine");
  const auto all = pieces(text, size);
  std::vector<std::uint64_t> held(all.size());
  masking::Edits edits;
  std::size_t most = 0;  // heap of one stream, where it holds nothing and the engine knows the text
  for (int round = 0; round < 2; ++round) {
    most = 0;
    const std::size_t before = heap();
    masking::TextMasker masker(engine);
    for (const std::string_view piece : all) {
      masker.feed(piece, edits);
      edits.clear();
      if (masker.held() == 0) most = std::max(most, heap() - before);
    }
  }
  state.counters["state_bytes"] = static_cast<double>(most);
  for (auto _ : state) {
    masking::TextMasker masker(engine);
    for (std::size_t i = 0; i < all.size(); ++i) {
      masker.feed(all[i], edits);
      held[i] = masker.held();
      edits.clear();
    }
    masker.finish(edits);
    edits.clear();
  }
  rate(state, text.size());
  a_piece(state, all.size());
  waits(state, all, held);
  double sum = 0;
  for (const std::uint64_t h : held) sum += static_cast<double>(h);
  std::sort(held.begin(), held.end());
  state.counters["held_mean"] = sum / static_cast<double>(held.size());
  state.counters["held_p50"] = static_cast<double>(held[held.size() / 2]);
  state.counters["held_p99"] = static_cast<double>(held[held.size() * 99 / 100]);
  state.counters["held_max"] = static_cast<double>(held.back());
}

void json_string(benchmark::State& state, const Packs& packs, const std::string& text) {
  const auto engine = compile(packs);
  if (engine == nullptr) return state.SkipWithError("no engine");
  const auto all = pieces(text, 10);
  masking::EncodedOutput out;
  for (auto _ : state) {
    masking::EncodedTextMasker masker(engine, masking::Encoding::JsonString);
    for (const std::string_view piece : all) {
      masker.feed(piece, out);
      out.clear();
    }
    masker.finish(out);
    out.clear();
  }
  rate(state, text.size());
  a_piece(state, all.size());
}

// The first engine of the packs: time, heap once compiled, and heap once it has read the texts.
void compiling(benchmark::State& state, const Packs& packs) {
  std::size_t compiled = 0, used = 0;
  for (auto _ : state) {
    const std::size_t before = heap();
    const auto engine = compile(packs);
    if (engine == nullptr) return state.SkipWithError("no engine");
    state.PauseTiming();
    compiled = heap() - before;
    for (const Corpus& corpus : corpora()) masking::find_all(*engine, corpus.text);
    for (const masking::RulePack& pack : packs.packs)
      for (const masking::Rule& rule : pack.rules)
        for (const std::string& example : rule.positive) masking::find_all(*engine, example);
    used = heap() - before;
    state.ResumeTiming();
  }
  state.counters["rules"] = static_cast<double>(packs.rules());
  state.counters["compiled_bytes"] = static_cast<double>(compiled);
  state.counters["used_bytes"] = static_cast<double>(used);
}

template <class Run>
void add(const std::string& name, Run run) {
  benchmark::RegisterBenchmark(name.c_str(), run)->Unit(benchmark::kMillisecond);
}

void register_all() {
  for (const Packs& p : packs()) {
    add("compile/" + p.name, [&p](auto& state) { compiling(state, p); });
    for (const Corpus& c : corpora()) {
      const std::string of = "/" + p.name + "/" + c.name;
      add("body" + of, [&](auto& state) { body(state, p, c.text); });
      for (const std::size_t size : {1U, 10U, 16U, 1000U}) {
        add("stream" + of + "/" + std::to_string(size),
            [&p, &c, size](auto& state) { stream(state, p, c.text, size); });
      }
      add("stream" + of + "/mixed", [&](auto& state) { stream(state, p, c.text, 0); });
      add("json_string" + of + "/10", [&](auto& state) { json_string(state, p, c.text); });
      for (const Rival& rival : rivals())
        add(rival.name + of, [&](auto& state) { rival.run(state, p, c.text); });
    }
  }
}

}  // namespace
}  // namespace veilwire::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  veilwire::bench::register_all();
  benchmark::RunSpecifiedBenchmarks();
}
