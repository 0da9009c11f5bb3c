// What the masking benchmarks read and judge by: texts without secrets of three kinds, and the
// shipped packs.
#pragma once

#include "userspace/masking/engine.h"
#include "userspace/masking/rule_pack.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::bench {

struct Corpus {
  std::string name;
  std::string text;  // 1 MiB, or a little less
};
// source: this project's own; prose: its documents and licence; conversation: both as the strings
// of a Messages API request, the bytes as they stand in its body.
const std::vector<Corpus>& corpora();

struct Packs {
  std::string name;
  std::vector<masking::RulePack> packs;
  std::size_t rules() const;
};
// secrets: all that is shipped but personal.toml; all: that too; extra: the file that the
// environment variable VEILWIRE_BENCH_PACK names, where it is set.
const std::vector<Packs>& packs();

// nullptr, with a message on stderr, where it cannot be compiled.
std::shared_ptr<const masking::Engine> compile(const Packs& packs);

// Pieces of `size` bytes; 0: of 1 to 20, at random but always the same.
std::vector<std::string_view> pieces(std::string_view text, std::size_t size);

}  // namespace veilwire::bench
