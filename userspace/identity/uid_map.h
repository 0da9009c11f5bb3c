// How a user id of this host looks from the inside of a container: both are on record, since the
// container's own logs know the one and this host the other. Decides nothing: a container's root
// chooses both.
//
// Tested by tests/unit/identity/uid_map_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace veilwire::identity {

struct UidRange {
  std::uint32_t inside = 0;
  std::uint32_t outside = 0;
  std::uint32_t count = 0;
  friend bool operator==(const UidRange&, const UidRange&) = default;
};

// /proc/PID/uid_map, where a reader in the initial user namespace finds ids of the host
// (user_namespaces(7)). nullopt: not in that form. Empty: nothing is mapped yet.
std::optional<std::vector<UidRange>> parse_uid_map(std::string_view text);

// nullopt: the id is not mapped, and looks like nobody's (65534).
std::optional<std::uint32_t> uid_inside(std::span<const UidRange> map, std::uint32_t host_uid);

}  // namespace veilwire::identity
