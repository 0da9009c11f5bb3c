#include "agent/host/loopback_address.h"

#include <algorithm>
#include <charconv>

namespace veilwire::host {

std::optional<LoopbackAddress> parse_loopback(std::string_view address) {
  constexpr std::string_view kV4 = "http://127.0.0.1:", kV6 = "http://[::1]:";
  LoopbackAddress read;
  read.v6 = address.starts_with(kV6);
  if (!read.v6 && !address.starts_with(kV4)) return std::nullopt;
  address.remove_prefix(read.v6 ? kV6.size() : kV4.size());
  const auto slash = std::min(address.find('/'), address.size());
  const char* const end = address.data() + slash;
  const auto number = std::from_chars(address.data(), end, read.port);
  if (number.ec != std::errc() || number.ptr != end || read.port == 0 || address.front() == '0')
    return std::nullopt;
  read.path = address.substr(slash);
  if (!read.path.starts_with('/') || !std::all_of(read.path.begin(), read.path.end(), [](char c) {
        return c > ' ' && c < '\x7f' && c != '#';
      }))
    return std::nullopt;
  return read;
}

}  // namespace veilwire::host
