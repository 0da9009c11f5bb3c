#include "agent/ctl/scan_progress.h"

#include <ostream>

#include <unistd.h>

namespace veilwire::ctl {
namespace {

// What is done within a second needs no progress.
constexpr std::chrono::seconds kFirst{1};
constexpr std::chrono::milliseconds kEvery{500};

}  // namespace

ScanProgress::ScanProgress(bool shown, std::ostream& err, Clock::time_point start)
    : shown_(shown), err_(err), start_(start), next_(start + kFirst) {}

ScanProgress::~ScanProgress() { clear(); }

void ScanProgress::at(std::uint64_t bytes, std::uint64_t findings, Clock::time_point now) {
  if (!shown_ || now < next_) return;
  next_ = now + kEvery;
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - start_).count();
  err_ << "\r\x1b[Kveilwire: " << bytes / 1'000'000 << " MB, "
       << bytes / 1000 / static_cast<std::uint64_t>(ms) << " MB/s, " << findings << " found"
       << std::flush;
  line_ = true;
}

void ScanProgress::clear() {
  if (line_) err_ << "\r\x1b[K" << std::flush;
  line_ = false;
}

bool progress_wanted() { return ::isatty(STDERR_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 0; }

}  // namespace veilwire::ctl
