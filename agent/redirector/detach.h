// Removal, from pins alone: works without configuration, with the redirector running or not.
// Tested by tests/bpf/lifecycle_test.cpp.
#pragma once

#include <string>
#include <vector>

namespace veilwire::redirector {

// Of every layout version below the directory: mode off, links, maps, directories; then asks the
// kernel whether anything is still effective. Returns what is left and why, empty is success; a
// missing directory is success.
std::vector<std::string> detach_all(const std::string& pin_directory);

// Only what this layout's version has: after a first start that failed half-way.
std::vector<std::string> detach_this_layout(const std::string& pin_directory);

// The same for the versions that are not ours: after an upgrade that changed the layout.
std::vector<std::string> detach_other_layouts(const std::string& pin_directory);

}  // namespace veilwire::redirector
