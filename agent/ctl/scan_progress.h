// How far a long scan has come, on a terminal. Everywhere else it is silent.
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>

namespace veilwire::ctl {

class ScanProgress {
 public:
  using Clock = std::chrono::steady_clock;
  ScanProgress(bool shown, std::ostream& err, Clock::time_point start);
  ScanProgress(const ScanProgress&) = delete;
  ScanProgress& operator=(const ScanProgress&) = delete;
  ~ScanProgress();  // takes the line away

  void at(std::uint64_t bytes, std::uint64_t findings, Clock::time_point now);
  void clear();  // before something else is written

 private:
  bool shown_;
  std::ostream& err_;
  Clock::time_point start_, next_;
  bool line_ = false;
};

// Whether progress may be written: standard error is a terminal, and standard output is not the
// same one.
bool progress_wanted();

}  // namespace veilwire::ctl
