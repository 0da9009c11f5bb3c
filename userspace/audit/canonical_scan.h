// Walks over the members of canonical bytes without reading them as JSON: for what concerns the
// bytes themselves. For content.cpp and head_digest.cpp, whose tests are its own.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace veilwire::audit {

struct CanonicalMember {
  std::string_view name;  // without its quotes, still escaped
  std::size_t value = 0;  // where it begins
  std::size_t end = 0;    // of the ',' or '}' behind it
};

// The member whose name's quote stands at `at`; the first one's is at 1. nullopt: there is none.
// Works on any bytes, and only on canonical ones is the answer sure to be a member.
std::optional<CanonicalMember> member_at(std::string_view canonical, std::size_t at);

}  // namespace veilwire::audit
