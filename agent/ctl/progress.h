// How far long work has come, on a terminal. Everywhere else it is silent.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>

namespace veilwire::ctl {

class Progress {
 public:
  using Clock = std::chrono::steady_clock;
  Progress(bool shown, std::ostream& err, Clock::time_point start);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();  // takes the line away

  // Says `words` now and then; they get the milliseconds since the start, which are not 0.
  using Words = std::function<std::string(std::uint64_t ms)>;
  void at(Clock::time_point now, const Words& words);
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
