// Masks one logical text that arrives in pieces. The contract, for every way of cutting the text:
// the edits, applied in order, give the masked whole text; nothing is held that no rule can still
// claim; linear time, bounded memory.
//
// It answers in *edits over its input*, not in bytes: the caller keeps the raw (escaped) form of
// what is pending and pops as many decoded bytes as an edit says. So bytes outside a finding are
// the bytes that came, escapes included.
//
// No other rule hides a Block finding: one that begins inside of what an earlier finding covers, a
// longer match or a begin/end finding, is reported too, behind the mask of what covers it and
// before any byte that follows its own end is released. Tested by
// tests/property/stream_masker_test.cpp.
#pragma once

#include "userspace/masking/engine.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::masking {

// The next `consumed` bytes of the input not yet covered by an edit: released as they came
// (replacement unused) or replaced. A begin/end rule gives its replacement with its first edit and
// swallows with further edits whose replacement is empty.
//
// consumed is 0 only where the edit does nothing but report a Block finding that begins inside of
// what is covered already: replaced is set, replacement is empty. The finding has its own offset
// and length (of a begin/end rule those of its begin; it is not open). Where it reaches out of what
// covers it, the rest is replaced by an edit without a finding. Adopted engines report none that
// ends before the position at which they took over.
//
// Maskers that work in an encoding also replace what is no finding, but stands in one unit of the
// encoding with the end of one: by an edit without a finding whose replacement is not empty.
struct Edit {
  std::uint64_t consumed = 0;
  bool replaced = false;
  std::string replacement;
  std::size_t finding =
      SIZE_MAX;  // index into Edits::findings when replaced and reported with this edit
  // The bytes that were replaced: for who must put them back where the mask returns. Never written
  // down.
  std::string original;
};

struct Edits {
  std::vector<Edit> list;
  std::vector<Finding>
      findings;  // a Block finding stands here too, with an edit; the caller stops there
  void clear() { list.clear(), findings.clear(); }
};

class StreamMasker {
 public:
  explicit StreamMasker(std::shared_ptr<const Engine> engine);
  StreamMasker(StreamMasker&&) noexcept;
  StreamMasker& operator=(StreamMasker&&) noexcept;
  ~StreamMasker();

  // Appends to `out`. Edits cover the input in order; what they do not cover yet is held.
  void feed(std::string_view text, Edits& out);
  // The text has ended: everything held is decided.
  void finish(Edits& out);
  // A changed policy: what is held now and what comes later is judged by the new engine; what was
  // released stays. Inside a begin/end finding the new engine takes over at its end.
  void adopt(std::shared_ptr<const Engine> engine, Edits& out);

  // A new text begins, judged by the same engine; what is held of the old one is forgotten.
  void restart();

  std::uint64_t held() const;  // bytes

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace veilwire::masking
