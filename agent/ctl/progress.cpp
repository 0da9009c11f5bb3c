#include "agent/ctl/progress.h"

#include <ostream>

#include <unistd.h>

namespace veilwire::ctl {
namespace {

// What is done within a second needs no progress.
constexpr std::chrono::seconds kFirst{1};
constexpr std::chrono::milliseconds kEvery{500};

}  // namespace

Progress::Progress(bool shown, std::ostream& err, Clock::time_point start)
    : shown_(shown), err_(err), start_(start), next_(start + kFirst) {}

Progress::~Progress() { clear(); }

void Progress::at(Clock::time_point now, const Words& words) {
  if (!shown_ || now < next_) return;
  next_ = now + kEvery;
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - start_).count();
  err_ << "\r\x1b[Kveilwire: " << words(static_cast<std::uint64_t>(ms)) << std::flush;
  line_ = true;
}

void Progress::clear() {
  if (line_) err_ << "\r\x1b[K" << std::flush;
  line_ = false;
}

bool progress_wanted() { return ::isatty(STDERR_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 0; }

}  // namespace veilwire::ctl
