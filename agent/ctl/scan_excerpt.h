// Findings with the line around each, as far as a person needs it to recognise the place: text that
// was released, and masks. What is masked does not come here. Tested by
// tests/unit/ctl/scan_excerpt_test.cpp.
#pragma once

#include "agent/ctl/scan_text.h"

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>

namespace veilwire::ctl {

class ScanExcerpts : public ScanOutput {
 public:
  // Excerpts fit a line of a terminal: control characters are escaped.
  using Found = std::function<void(const Sighting&, const std::string& excerpt)>;
  explicit ScanExcerpts(Found found) : found_(std::move(found)) {}

  void released(std::string_view text) override;
  void masked(std::string_view replacement) override;
  void found(const Sighting& sighting) override;
  // The text has ended; what comes next is another line.
  void finish();

 private:
  struct Waiting {
    std::string excerpt;  // to the end of the mask
    std::string after;    // one byte too many shows that something is cut
    bool whole = false;   // nothing more comes
    std::optional<Sighting> sighting;
  };
  void append(std::string_view text);  // of one line
  void end_line();
  void report();

  Found found_;
  std::string before_;  // the end of the line so far
  bool cut_ = false;    // something of the line stands before it
  std::deque<Waiting> waiting_;
};

}  // namespace veilwire::ctl
