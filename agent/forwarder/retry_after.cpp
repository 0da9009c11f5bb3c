#include "agent/forwarder/retry_after.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace veilwire::forwarder {
namespace {

using std::chrono::seconds;

// A year: whoever waits has a bound of its own, and sums must not overflow.
constexpr std::int64_t kMost = 366 * 24 * 3600;

std::optional<std::int64_t> number(std::string_view digits) {
  std::int64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, value);
  if (digits.empty() || digits.front() == '-' || at != end) return std::nullopt;
  // Of digits alone: it is merely too large.
  return error == std::errc::result_out_of_range ? kMost : value;
}

std::optional<WallTime> read_date(std::string_view date) {
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  constexpr std::string_view kShape = "Sun, 06 Nov 1994 08:49:37 GMT";
  if (date.size() != kShape.size()) return std::nullopt;
  for (const std::size_t at : {3U, 4U, 7U, 11U, 16U, 19U, 22U, 25U, 26U, 27U, 28U})
    if (date[at] != kShape[at]) return std::nullopt;
  const auto month = std::find(kMonths.begin(), kMonths.end(), date.substr(8, 3));
  const auto day = number(date.substr(5, 2)), year = number(date.substr(12, 4));
  const auto hour = number(date.substr(17, 2)), minute = number(date.substr(20, 2));
  const auto second = number(date.substr(23, 2));
  if (month == kMonths.end() || !day || !year || !hour || !minute || !second) return std::nullopt;
  using namespace std::chrono;
  const year_month_day at{std::chrono::year(static_cast<int>(*year)),
                          std::chrono::month(static_cast<unsigned>(month - kMonths.begin()) + 1),
                          std::chrono::day(static_cast<unsigned>(*day))};
  // Beyond 2262 nanoseconds in 64 bits do not reach.
  if (!at.ok() || *year < 1970 || *year > 2200 || *hour > 23 || *minute > 59 || *second > 60)
    return std::nullopt;
  return WallTime{sys_days(at).time_since_epoch() + hours(*hour) + minutes(*minute) +
                  seconds(*second)};
}

}  // namespace

std::optional<seconds> read_retry_after(std::string_view field, WallTime now) {
  if (const auto count = number(field)) return seconds(std::min(*count, kMost));
  const auto date = read_date(field);
  if (!date) return std::nullopt;
  const auto wait = std::chrono::ceil<seconds>(date->since_epoch - now.since_epoch);
  return std::clamp(wait, seconds(0), seconds(kMost));
}

}  // namespace veilwire::forwarder
