#include "userspace/projection/time_text.h"

#include <chrono>
#include <cstdio>

namespace veilwire::projection {

std::string time_text(WallTime time) {
  using std::chrono::days;
  using std::chrono::floor;
  using std::chrono::microseconds;
  const auto all = floor<microseconds>(time.since_epoch);
  const auto day = floor<days>(all);
  const std::chrono::year_month_day date{std::chrono::sys_days(day)};
  const std::chrono::hh_mm_ss clock{all - day};
  char text[64];
  const int length = std::snprintf(
      text, sizeof(text), "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return {text, static_cast<std::size_t>(length)};
}

}  // namespace veilwire::projection
