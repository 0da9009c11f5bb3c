#include "agent/doctor/http_date.h"

#include <ctime>

namespace veilwire::doctor {

std::optional<std::int64_t> read_http_date(const std::string& text) {
  std::tm parts{};
  // This program never calls setlocale(), so names are English.
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return static_cast<std::int64_t>(::timegm(&parts));
}

}  // namespace veilwire::doctor
