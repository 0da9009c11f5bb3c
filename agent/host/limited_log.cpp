#include "agent/host/limited_log.h"

#include "agent/host/log.h"

#include <utility>

namespace veilwire::host {

void LimitedLog::warning(std::string line, Monotonic now) {
  if (now < next_) {
    ++left_out_;
    return;
  }
  next_ = now + between_;
  if (const auto left_out = std::exchange(left_out_, 0); left_out != 0)
    line += " (and " + std::to_string(left_out) + " such lines left out)";
  log::warning(line);
}

}  // namespace veilwire::host
