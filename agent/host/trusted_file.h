// Files that decide who sees secrets: configuration, policy, rule packs. Whoever may write one
// decides, so it belongs to root or to the user who reads it, and nobody else can write it. Tested
// by tests/unit/host/trusted_file_test.cpp.
#pragma once

#include <optional>
#include <string>

namespace veilwire::host {

// Why this file is not to be used and what to do, without its name; nothing for one that may be, or
// that is not there: whoever reads it says so.
std::optional<std::string> distrust(const std::string& path);

}  // namespace veilwire::host
