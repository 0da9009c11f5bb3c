#include "userspace/projection/ip_text.h"

#include <cstddef>

namespace veilwire::projection {
namespace {

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Groups of one to four digits with a colon between them; 0 where they are anything else.
std::size_t groups(std::string_view text) {
  std::size_t count = 1, digits = 0;
  for (const char c : text) {
    if (c == ':' && digits > 0) {
      ++count;
      digits = 0;
    } else if (!is_hex(c) || ++digits > 4) {
      return 0;
    }
  }
  return digits > 0 ? count : 0;
}

}  // namespace

bool is_ipv4(std::string_view text) {
  std::size_t parts = 1, digits = 0, number = 0;
  for (const char c : text) {
    if (c == '.') {
      if (digits == 0 || ++parts > 4) return false;
      digits = number = 0;
    } else if (c < '0' || c > '9' || (digits == 1 && number == 0)) {
      return false;
    } else {
      number = number * 10 + static_cast<std::size_t>(c - '0');
      if (++digits > 3 || number > 255) return false;
    }
  }
  return parts == 4 && digits > 0;
}

bool is_ipv6(std::string_view text) {
  const std::size_t gap = text.find("::");
  if (gap == std::string_view::npos) return groups(text) == 8;
  const std::string_view before = text.substr(0, gap), after = text.substr(gap + 2);
  if ((!before.empty() && groups(before) == 0) || (!after.empty() && groups(after) == 0))
    return false;
  return (before.empty() ? 0 : groups(before)) + (after.empty() ? 0 : groups(after)) < 8;
}

}  // namespace veilwire::projection
