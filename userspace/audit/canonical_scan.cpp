#include "userspace/audit/canonical_scan.h"

namespace veilwire::audit {
namespace {

// Position behind the JSON string that begins at `at`, npos when it has no end.
std::size_t skip_string(std::string_view json, std::size_t at) {
  for (++at; at < json.size(); ++at) {
    if (json[at] == '\\') {
      ++at;
    } else if (json[at] == '"') {
      return at + 1;
    }
  }
  return std::string_view::npos;
}

// Position behind the value that begins at `at`: of the ',' or '}' that follows it.
std::size_t skip_value(std::string_view json, std::size_t at) {
  std::size_t depth = 0;
  while (at < json.size()) {
    switch (json[at]) {
      case '"':
        at = skip_string(json, at);
        continue;
      case '{':
      case '[':
        ++depth;
        break;
      case '}':
      case ']':
        if (depth == 0) return at;
        --depth;
        break;
      case ',':
        if (depth == 0) return at;
        break;
      default:
        break;
    }
    ++at;
  }
  return std::string_view::npos;
}

}  // namespace

std::optional<CanonicalMember> member_at(std::string_view canonical, std::size_t at) {
  if (at >= canonical.size() || canonical[at] != '"') return std::nullopt;
  const std::size_t name_end = skip_string(canonical, at);
  if (name_end >= canonical.size() || canonical[name_end] != ':') return std::nullopt;
  const std::size_t value = name_end + 1;
  const std::size_t end = skip_value(canonical, value);
  if (end >= canonical.size()) return std::nullopt;
  return CanonicalMember{canonical.substr(at + 1, name_end - at - 2), value, end};
}

}  // namespace veilwire::audit
