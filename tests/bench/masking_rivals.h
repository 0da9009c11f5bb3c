// Other ways to search for the expressions of rule packs. None of them holds anything back, judges
// entropy or allowlists, or says where the secret begins: what they cost is a lower bound of what
// masking with them would.
#pragma once

#include "tests/bench/masking_corpus.h"

#include <functional>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

namespace veilwire::bench {

struct Rival {
  std::string name;
  std::function<void(benchmark::State&, const Packs&, const std::string& text)> run;
};
// Hyperscan only where libhyperscan-dev was there at build time; else its runs say SKIPPED.
const std::vector<Rival>& rivals();

}  // namespace veilwire::bench
