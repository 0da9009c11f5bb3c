// Masks one logical text by everything that is found in it: what the rules find in the text itself,
// and behind that what they find in base64 that stands in it. The same contract as StreamMasker's,
// whose interface it has. Tested by tests/unit/masking/base64_runs_test.cpp.
#pragma once

#include "userspace/masking/base64_runs.h"
#include "userspace/masking/stream_masker.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace veilwire::masking {

class TextMasker {
 public:
  explicit TextMasker(std::shared_ptr<const Engine> engine);

  void feed(std::string_view text, Edits& out);
  void finish(Edits& out);
  void adopt(std::shared_ptr<const Engine> engine, Edits& out);
  void restart();

  std::uint64_t held() const { return held_.size() + base64_.held(); }  // bytes

 private:
  bool passes(std::string_view text, Edits& out);
  void look_into_base64(std::string_view text, Edits& out);

  StreamMasker masker_;
  Base64Runs base64_;
  Edits edits_;       // of masker_
  std::string held_;  // by masker_
};

}  // namespace veilwire::masking
