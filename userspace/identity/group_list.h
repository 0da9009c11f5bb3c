// The groups of a person where an IdP answers in JSON and signs nothing. Tested by
// tests/unit/identity/introspection_test.cpp.
#pragma once

#include "userspace/identity/strict_json.h"

#include <optional>
#include <string>
#include <vector>

namespace veilwire::identity {

// In order, none twice; one alone may be a plain text. nullopt: it is no such list, has more than
// limits::kTokenGroups, or one that is not fit for a record.
std::optional<std::vector<std::string>> read_group_list(const JsonValue& value);

}  // namespace veilwire::identity
