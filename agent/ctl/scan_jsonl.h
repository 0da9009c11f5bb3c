// JSON lines through the masking engine: {"id", "text"} in, {"id", "masked"} out, a line for a
// line. Tested by tests/unit/ctl/scan_command_test.cpp.
#pragma once

#include "agent/ctl/scan_input.h"
#include "agent/ctl/scan_policy.h"
#include "agent/ctl/scan_text.h"

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::ctl {

// The longest line that is kept: a stream without line feeds must not fill memory.
inline constexpr std::size_t kLongestJsonLine = 64 * 1024 * 1024;

class ScanLines {
 public:
  // `findings`: each line lists them, too.
  ScanLines(const ScanPolicy& policy, Chunks& chunks, bool findings, std::ostream& out);

  // Lines may be cut anywhere. The error says what is wrong with line(), without quoting it; all
  // lines before it have been written.
  std::optional<std::string> feed(std::string_view piece);
  std::optional<std::string> finish();
  void restart() { line_ = 0; }

  std::uint64_t line() const { return line_; }  // from 1
  std::uint64_t texts() const { return texts_; }
  std::uint64_t findings() const { return output_.findings; }

 private:
  struct Output : ScanOutput {
    void released(std::string_view text) override { masked_text += text; }
    void masked(std::string_view replacement) override { masked_text += replacement; }
    void found(const Sighting& sighting) override;
    std::string masked_text;
    std::vector<masking::Finding> list;
    std::uint64_t findings = 0;
  };
  std::optional<std::string> mask(std::string_view line);

  const ScanPolicy& policy_;
  Chunks& chunks_;
  bool list_findings_;
  std::ostream& out_;
  Output output_;
  ScanText text_;
  std::string held_;  // the beginning of a line
  std::uint64_t line_ = 0, texts_ = 0;
};

}  // namespace veilwire::ctl
