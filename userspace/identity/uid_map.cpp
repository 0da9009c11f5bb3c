#include "userspace/identity/uid_map.h"

#include <algorithm>
#include <charconv>
#include <cstddef>

namespace veilwire::identity {
namespace {

// The kernel's UID_GID_MAP_MAX_EXTENTS.
constexpr std::size_t kRanges = 340;

// The next number behind blanks, which is taken off the text.
std::optional<std::uint32_t> take_number(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

}  // namespace

std::optional<std::vector<UidRange>> parse_uid_map(std::string_view text) {
  std::vector<UidRange> map;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos || map.size() == kRanges) return std::nullopt;
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const auto inside = take_number(line), outside = take_number(line), count = take_number(line);
    if (!inside || !outside || !count || *count == 0 || !line.empty()) return std::nullopt;
    if (*count - 1 > UINT32_MAX - *inside || *count - 1 > UINT32_MAX - *outside)
      return std::nullopt;
    map.push_back({*inside, *outside, *count});
  }
  return map;
}

std::optional<std::uint32_t> uid_inside(std::span<const UidRange> map, std::uint32_t host_uid) {
  for (const UidRange& range : map)
    if (host_uid >= range.outside && host_uid - range.outside < range.count)
      return range.inside + (host_uid - range.outside);
  return std::nullopt;
}

}  // namespace veilwire::identity
