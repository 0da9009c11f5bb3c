// One text on its way through the masking engine, in pieces of any size: what it is masked to, and
// at which line and column each finding stands. Memory is bounded by what the engine holds back.
// Tested by tests/unit/ctl/scan_text_test.cpp and, over every way of cutting, by
// tests/property/scan_text_test.cpp.
#pragma once

#include "userspace/masking/engine.h"
#include "userspace/masking/finding.h"
#include "userspace/masking/text_masker.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace veilwire::ctl {

struct Place {
  std::uint64_t offset = 0;  // bytes from the start of the text
  std::uint64_t line = 1;    // ends with a line feed
  std::uint64_t column = 1;  // in code points
  friend bool operator==(const Place&, const Place&) = default;
};

struct Sighting {
  masking::Finding finding;
  Place begin, end;  // end: behind the last character
};

// Called in the order of the text.
class ScanOutput {
 public:
  ScanOutput() = default;
  ScanOutput(const ScanOutput&) = delete;
  ScanOutput& operator=(const ScanOutput&) = delete;
  virtual ~ScanOutput() = default;

  virtual void released(std::string_view text) = 0;
  virtual void masked(std::string_view replacement) = 0;
  // About what was masked last: sooner or later after each masked(), and before the next.
  virtual void found(const Sighting& sighting) = 0;
};

class ScanText {
 public:
  // With `locate` false, places other than offsets stay at their start: counting lines is work.
  ScanText(std::shared_ptr<const masking::Engine> engine, ScanOutput& output, bool locate);

  void feed(std::string_view piece);
  void finish();
  // Another text begins, at this place.
  void restart(Place start = {});

 private:
  void settle();
  void advance(std::string_view text);
  void close(const masking::Finding& finding);

  masking::TextMasker masker_;
  ScanOutput& output_;
  bool locate_;
  masking::Edits edits_;
  std::string held_;  // fed, and not covered by an edit yet
  Place place_;       // where held_ begins
  Sighting open_;     // masked from its begin, its end not known
  bool is_open_ = false;
};

}  // namespace veilwire::ctl
